import ArgumentParser
import Primitives
import Wire

/// `loadtest messages`: messages at a fixed rate.
struct Messages: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Send messages at a fixed rate.")

    @OptionGroup var load: PairOptions

    @Option(help: "How long each message is, in bytes, 1 to 16384.")
    var bytes = 200

    @OptionGroup var common: CommonOptions

    func validate() throws { try check(bytes, in: 1...16_384, "--bytes") }

    func run() async throws {
        try await common.run(userCount: load.pairs * 2) { server, credentials in
            let sockets = try await load.open(credentials, at: server)
            load.warn(sockets, commandsPerPiece: 1)
            let startedAt = Instant.wallClock()
            let schedule = load.schedule()
            let traffic = MessageTraffic(
                pairs: sockets.userPairs, schedule: schedule, timeout: .seconds(Int64(load.timeout)), bytes: bytes,
                seed: .random(in: 0...UInt64.max))
            let outcome = try await LoadRun.run(traffic, on: sockets, eventLoop: server.eventLoop)
            return Report(
                scenario: "messages", server: "\(server.name)", subprotocol: server.encoding.subprotocol,
                startedAt: startedAt, piece: "messages", pairs: load.pairs, schedule: schedule,
                statistics: outcome.traffic.statistics, processorTime: outcome.processorTime)
        }
    }
}
