import Foundation
import Logging
import Primitives

/// Writes log lines to standard error, as text for eyes or as JSON for machines. One line is one write, so that lines
/// of several threads do not mix.
struct LogLine: LogHandler {
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]
    private let label: String
    private let format: Settings.LogFormat

    init(label: String, level: Logger.Level, format: Settings.LogFormat) {
        self.label = label
        logLevel = level
        self.format = format
    }

    /// Makes loggers that write text.
    static func standardError(_ level: Logger.Level) -> @Sendable (String) -> any LogHandler {
        { LogLine(label: $0, level: level, format: .text) }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let merged = metadata.merging(event.metadata ?? [:]) { $1 }
        StandardError.line(
            line(at: wallClock(), event.level, "\(event.message)", merged.mapValues { "\($0)" }))
    }

    /// One line, without its end.
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

    /// A value as it stands in a text line: in quotes where it would run into its neighbours or break the line.
    private static func quoted(_ value: String) -> String {
        let isPlain = value.unicodeScalars.allSatisfy { $0.value > 0x20 && $0 != "\"" && $0 != "=" && $0.value != 0x7F }
        return isPlain && !value.isEmpty ? value : value.debugDescription
    }
}

/// The stream for what is not the program's result.
enum StandardError {
    /// Writes a line in one piece. A line that can't be written, to a full disk or a closed pipe, is lost: the server
    /// goes on without it.
    static func line(_ text: String) {
        try? FileHandle.standardError.write(contentsOf: Data("\(text)\n".utf8))
    }
}
