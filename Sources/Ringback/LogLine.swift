import Foundation
import Logging
import Primitives
import Synchronization

/// Writes log lines to standard error, as text for people or as JSON for machines.
struct LogLine: LogHandler {
    /// The shared level, unless a logger was given its own.
    var logLevel: Logger.Level {
        get { ownLevel ?? threshold.level }
        set { ownLevel = newValue }
    }
    var metadata: Logger.Metadata = [:]
    private var ownLevel: Logger.Level?
    private let threshold: LogThreshold
    private let label: String
    private let format: Settings.LogFormat

    init(label: String, threshold: LogThreshold, format: Settings.LogFormat) {
        self.label = label
        self.threshold = threshold
        self.format = format
    }

    /// Makes loggers that write text.
    static func standardError(_ level: Logger.Level) -> @Sendable (String) -> any LogHandler {
        { LogLine(label: $0, threshold: LogThreshold(level), format: .text) }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let merged = metadata.merging(event.metadata ?? [:]) { $1 }
        LineWriter.standardError.write(
            line(at: wallClock(), event.level, "\(event.message)", merged.mapValues { "\($0)" }))
    }

    /// One line, without a newline.
    func line(at instant: Instant, _ level: Logger.Level, _ message: String, _ metadata: [String: String]) -> String {
        switch format {
        case .text:
            let pairs = metadata.sorted { $0.key < $1.key }.map { " \($0.key)=\(Self.quoted($0.value))" }
            return "\(instant) \(level.rawValue) \(label): \(message)\(pairs.joined())"
        case .json:
            let fields = metadata.merging([
                "time": "\(instant)", "level": level.rawValue, "logger": label, "message": message,
            ]) { $1 }
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            guard let data = try? encoder.encode(fields) else { return "{}" }
            return String(decoding: data, as: UTF8.self)
        }
    }

    /// A value as written in a text line: in quotes if it would otherwise run into its neighbours or break the line.
    private static func quoted(_ value: String) -> String {
        let isPlain = value.unicodeScalars.allSatisfy { $0.value > 0x20 && $0 != "\"" && $0 != "=" && $0.value != 0x7F }
        return isPlain && !value.isEmpty ? value : value.debugDescription
    }
}

/// The minimum level that is logged, which may change while the program runs.
final class LogThreshold: Sendable {
    private static let levels = Logger.Level.allCases

    private let index: Atomic<Int>

    /// Starts with a level.
    init(_ level: Logger.Level) {
        index = Atomic(Self.index(of: level))
    }

    /// The current level.
    var level: Logger.Level {
        get { Self.levels[index.load(ordering: .relaxed)] }
        set { index.store(Self.index(of: newValue), ordering: .relaxed) }
    }

    private static func index(of level: Logger.Level) -> Int { levels.firstIndex(of: level) ?? 0 }
}
