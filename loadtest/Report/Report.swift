import FoundationEssentials
import Primitives

/// The result of a run, for people and for programs.
struct Report: Sendable {
    /// A single number.
    struct Figure: Sendable, Equatable {
        /// In JSON.
        let key: String
        /// For people.
        let title: String
        let value: Double
        /// How many digits people see after the point.
        var digits = 0
    }

    /// How a duration is distributed; nil when nothing was measured.
    struct Row: Sendable, Equatable {
        let measure: Measure
        let latency: Latency?
    }

    var scenario: String
    var server: String
    var subprotocol: String
    var startedAt: Instant
    var figures: [Figure]
    var rows: [Row]
    /// The number of errors of each kind.
    var errors: [String: Int]

    /// Whether anything failed.
    var hasFailures: Bool { !errors.isEmpty }
}

extension Report {
    /// The report of a run of calls, messages or relays.
    /// - Parameters:
    ///   - piece: What a piece of the load is called, in the plural.
    ///   - processorTime: Of this process during the run.
    init(
        scenario: String, server: String, subprotocol: String, startedAt: Instant, piece: String, pairs: Int,
        schedule: Schedule, statistics: Statistics, processorTime: Instant.Span
    ) {
        self.init(
            scenario: scenario, server: server, subprotocol: subprotocol, startedAt: startedAt,
            figures: [
                Figure(key: "pairs", title: "pairs", value: Double(pairs)),
                Figure(key: "asked", title: "\(piece) asked for", value: Double(schedule.count)),
                Figure(key: "completed", title: "\(piece) completed", value: Double(statistics.completed)),
                Figure(key: "failed", title: "\(piece) failed", value: Double(statistics.failed)),
                Figure(key: "asked_per_second", title: "\(piece) a second asked for", value: schedule.rate, digits: 1),
                Figure(
                    key: "achieved_per_second", title: "\(piece) a second achieved",
                    value: statistics.achievedRate(of: schedule), digits: 1),
                Figure(
                    key: "generator_microseconds", title: "CPU of this tool for each, µs",
                    value: processorTime.each(of: statistics.completed)),
            ],
            rows: statistics.measures.map { Row(measure: $0, latency: statistics.latency($0)) },
            errors: statistics.errors)
    }

    /// Adds what the server's process has used during the run.
    mutating func add(serverProcessorTime: Instant.Span, completed: Int) {
        figures.append(
            Figure(
                key: "server_microseconds", title: "CPU of the server for each, µs",
                value: serverProcessorTime.each(of: completed)))
    }

    /// The report as JSON: `scenario`, `server`, `subprotocol`, `started_at`, `figures`, `latencies_ms`, `errors`.
    func json() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let document = Document(
            scenario: scenario, server: server, subprotocol: subprotocol, startedAt: startedAt.description,
            figures: Dictionary(uniqueKeysWithValues: figures.map { ($0.key, $0.value) }),
            latencies: Dictionary(
                uniqueKeysWithValues: rows.compactMap { row in row.latency.map { (row.measure.key, $0) } }),
            errors: errors)
        return try encoder.encode(document) + Data("\n".utf8)
    }

    private struct Document: Encodable {
        let scenario: String
        let server: String
        let subprotocol: String
        let startedAt: String
        let figures: [String: Double]
        let latencies: [String: Latency]
        let errors: [String: Int]

        enum CodingKeys: String, CodingKey {
            case scenario
            case server
            case subprotocol
            case startedAt = "started_at"
            case figures
            case latencies = "latencies_ms"
            case errors
        }
    }
}

extension Instant.Span {
    /// Its share for each of a number of pieces, in microseconds; the whole when there are none.
    fileprivate func each(of count: Int) -> Double { Double(microseconds) / Double(max(1, count)) }
}
