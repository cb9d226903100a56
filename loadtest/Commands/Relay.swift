import ArgumentParser
import NIOCore
import Primitives
import Wire

/// `loadtest relay`: candidates or descriptions at a fixed rate, in calls that are established before.
struct Relay: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Pass on candidates or descriptions at a fixed rate, in calls that are ongoing.",
        discussion: """
            Each pair first establishes one call, which is hung up in the end. In between the pairs take turns, and the \
            two of a pair as well. Only this part is measured. With --pid the report says how much processor time the \
            server takes for each.
            """)

    @OptionGroup var load: PairOptions

    @Flag(help: "Pass on descriptions instead of candidates.")
    var descriptions = false

    @Option(
        help: """
            How long each candidate or description is, in bytes, 100 to 2048 or 65536. (default: 400 for candidates, \
            3072 for descriptions)
            """)
    var bytes: Int?

    @Option(help: ArgumentHelp("The process of the server, on this machine.", valueName: "pid"))
    var pid: Int32?

    @OptionGroup var common: CommonOptions

    private var byteCount: Int { bytes ?? (descriptions ? 3072 : 400) }
    private var timeout: Instant.Span { .seconds(Int64(load.timeout)) }

    func validate() throws { try check(byteCount, in: 100...(descriptions ? 65_536 : 2048), "--bytes") }

    func run() async throws {
        try await common.run(userCount: load.pairs * 2) { server, credentials in
            let sockets = try await load.open(credentials, at: server)
            try await load.endCalls(of: sockets, at: server)
            load.warn(sockets, commandsPerPiece: Advice.commandsPerRelay)
            let startedAt = Instant.wallClock()
            var calls = StandingCalls(
                pairs: sockets.userPairs, timeout: timeout, seed: .random(in: 0...UInt64.max), now: Instant(.now()))
            calls = try await LoadRun.run(calls, on: sockets, eventLoop: server.eventLoop).traffic
            let establishedCount = calls.ongoing.count { $0 != nil }

            let schedule = load.schedule()
            let traffic = RelayTraffic(
                pairs: sockets.userPairs, calls: calls.ongoing,
                content: RelayContent(descriptions ? .description : .candidate, bytes: byteCount),
                schedule: schedule, timeout: timeout)
            let before = try serverProcessorTime()
            let outcome = try await LoadRun.run(traffic, on: sockets, eventLoop: server.eventLoop)
            let after = pid.flatMap(ProcessorTime.read)

            calls.hangUp()
            calls = try await LoadRun.run(calls, on: sockets, eventLoop: server.eventLoop).traffic
            let statistics = outcome.traffic.statistics
            var report = Report(
                scenario: "relay", server: "\(server.name)", subprotocol: server.encoding.subprotocol,
                startedAt: startedAt, piece: "relays", pairs: load.pairs, schedule: schedule, statistics: statistics,
                processorTime: outcome.processorTime)
            report.figures += [
                Report.Figure(key: "established", title: "calls established", value: Double(establishedCount)),
                Report.Figure(key: "bytes", title: "bytes of each", value: Double(byteCount)),
            ]
            if let before, let after {
                report.add(
                    serverProcessorTime: Instant.Span(microseconds: after.microseconds - before.microseconds),
                    completed: statistics.completed)
            }
            for (code, count) in calls.statistics.errors { report.errors["call_\(code)"] = count }
            return report
        }
    }

    private func serverProcessorTime() throws -> Instant.Span? {
        guard let pid else { return nil }
        guard let time = ProcessorTime.read(pid: pid) else {
            throw LoadTestError(.input, "there is no process \(pid) whose processor time can be read")
        }
        return time
    }
}
