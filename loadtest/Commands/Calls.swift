import ArgumentParser
import NIOCore
import Primitives
import SwiftProtobuf
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
            try await endCalls(of: sockets, at: server)
            let warning = sockets.first.flatMap {
                Advice.warning(
                    limits: $0.limits, pairs: load.pairs, rate: load.rate, commandsPerPiece: Advice.commandsPerCall,
                    invitesPerPiece: 1)
            }
            if let warning { StandardError.line("loadtest: \(warning)") }
            let startedAt = Instant.wallClock()
            let schedule = load.schedule()
            let traffic = CallTraffic(
                pairs: sockets.userPairs, schedule: schedule, timeout: .seconds(Int64(load.timeout)),
                seed: .random(in: 0...UInt64.max))
            let statistics = try await LoadRun.run(traffic, on: sockets, eventLoop: server.eventLoop)
            return Report(
                scenario: "calls", server: "\(server.name)", subprotocol: server.encoding.subprotocol,
                startedAt: startedAt, piece: "calls", pairs: load.pairs, schedule: schedule, statistics: statistics)
        }
    }

    /// Ends calls that a previous run has left open: an invite in an open call is answered with that call.
    private func endCalls(of sockets: [OpenSocket], at server: Server) async throws {
        let now = Instant.wallClock()
        try await server.eventLoop.submit {
            for opened in sockets {
                for call in opened.calls {
                    opened.socket.value.send(
                        .with {
                            $0.callHangUp.commandID = RequestID.random(at: now).description
                            $0.callHangUp.callID = call
                        })
                }
                opened.socket.value.flush()
            }
        }.get()
    }
}
