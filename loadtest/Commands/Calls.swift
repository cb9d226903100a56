import ArgumentParser
import Primitives
import Wire

/// `loadtest calls`: whole calls at a fixed rate.
struct Calls: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Place calls at a fixed rate: ring, answer, exchange descriptions and candidates, hang up.",
        discussion: "Each call passes on an offer and an answer of 3 KiB and ten candidates each way.")

    @OptionGroup var load: PairOptions
    @OptionGroup var common: CommonOptions

    func run() async throws {
        try await common.run(userCount: load.pairs * 2) { server, credentials in
            let sockets = try await load.open(credentials, at: server)
            try await load.endCalls(of: sockets, at: server)
            load.warn(sockets, commandsPerPiece: Advice.commandsPerCall, invitesPerPiece: 1)
            let startedAt = Instant.wallClock()
            let schedule = load.schedule()
            let traffic = CallTraffic(
                pairs: sockets.userPairs, schedule: schedule, timeout: .seconds(Int64(load.timeout)),
                seed: .random(in: 0...UInt64.max))
            let outcome = try await LoadRun.run(traffic, on: sockets, eventLoop: server.eventLoop)
            return Report(
                scenario: "calls", server: "\(server.name)", subprotocol: server.encoding.subprotocol,
                startedAt: startedAt, piece: "calls", pairs: load.pairs, schedule: schedule,
                statistics: outcome.traffic.statistics, processorTime: outcome.processorTime)
        }
    }
}
