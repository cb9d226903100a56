import ArgumentParser
import Foundation
import Logging
import MediaCore
import MediaServer
import Primitives

/// `loadtest stun`: the cost of an answer of the STUN server.
struct STUN: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure a STUN server of this process, over loopback.",
        discussion: """
            A thread asks as fast as it is answered. The server is the real one but for its limits, which are lifted. The \
            rounds' median is what counts; least and most say how far to trust it.
            """)

    @Option(help: "How many rounds, 1 to 100.")
    var rounds = 5

    @Option(help: "How long a round takes, in seconds, 1 to 60.")
    var seconds = 2

    @Option(help: "How many requests are on their way at once, 1 to 200.")
    var waiting = 128

    @Option(help: ArgumentHelp("Also write the report there, as JSON.", valueName: "file"))
    var json: String?

    func validate() throws {
        try check(rounds, in: 1...100, "--rounds")
        try check(seconds, in: 1...60, "--seconds")
        try check(waiting, in: 1...200, "--waiting")
    }

    func run() async throws {
        let startedAt = Instant.wallClock()
        let server = try STUNServer(
            .init(
                addresses: [TransportAddress(.v4(0x7F00_0001), port: 0)],
                limits: .init(perPrefix: 1_000_000, burst: 1_000_000, total: 1_000_000)),
            logger: Logger(label: "loadtest", factory: { _ in SwiftLogNoOpLogHandler() }))
        let serving = Task { try await server.run() }
        let counts = try await ask(at: server.addresses[0])
        serving.cancel()
        try await serving.value

        let report = report(counts, at: server.addresses[0], startedAt: startedAt)
        print(report.text(), terminator: "")
        if let json { try report.json().write(to: URL(filePath: json)) }
        if report.hasFailures { throw ExitCode(1) }
    }

    /// All rounds on one thread, after a warm-up round.
    private func ask(at address: TransportAddress) async throws -> [STUNAsker.Count] {
        let (rounds, seconds, waiting) = (rounds, Double(seconds), waiting)
        return try await withCheckedThrowingContinuation { continuation in
            Thread {
                continuation.resume(
                    with: Result {
                        let asker = try STUNAsker(to: address)
                        _ = asker.ask(seconds: 0.5, waiting: waiting)
                        return (0..<rounds).map { _ in asker.ask(seconds: seconds, waiting: waiting) }
                    })
            }.start()
        }
    }

    private func report(_ counts: [STUNAsker.Count], at address: TransportAddress, startedAt: Instant) -> Report {
        let rates = counts.map { Double($0.answered) / $0.seconds }
        let costs = counts.map { $0.serverSeconds * 1e9 / Double(max(1, $0.answered)) }
        let lost = counts.reduce(0) { $0 + $1.lost }
        return Report(
            scenario: "stun", server: "\(address)", subprotocol: "UDP", startedAt: startedAt,
            figures: [
                Report.Figure(key: "waiting", title: "requests on their way at once", value: Double(waiting)),
                Report.Figure(key: "rounds", title: "rounds", value: Double(rounds)),
            ] + figures("answers_per_second", "answers a second", rates)
                + figures("server_nanoseconds_per_answer", "CPU of the server for an answer, ns", costs),
            rows: [], errors: lost > 0 ? ["lost": lost] : [:])
    }

    private func figures(_ key: String, _ title: String, _ values: [Double]) -> [Report.Figure] {
        let sorted = values.sorted()
        return [
            Report.Figure(key: key, title: "\(title): median", value: sorted[sorted.count / 2]),
            Report.Figure(key: "\(key)_least", title: "\(title): least", value: sorted[0]),
            Report.Figure(key: "\(key)_most", title: "\(title): most", value: sorted[sorted.count - 1]),
        ]
    }
}
