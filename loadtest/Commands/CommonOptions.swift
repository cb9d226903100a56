import ArgumentParser
import FoundationEssentials
import Glibc
import NIOCore
import NIOPosix
import Primitives
import SwiftProtobuf
import Wire

/// The options of every scenario.
struct CommonOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The server.", valueName: "url"))
    var server = "http://127.0.0.1:8080"

    @Option(help: ArgumentHelp("Access tokens, one a line; without it new users are registered.", valueName: "file"))
    var tokenFile: String?

    @Option(help: "proto or json.")
    var encoding = EncodingName.proto

    @Flag(help: "Allow a server that is not on this machine.")
    var allowRemote = false

    @Option(help: ArgumentHelp("Also write the report there, as JSON.", valueName: "file"))
    var json: String?

    /// The encodings as they are written on the command line.
    enum EncodingName: String, ExpressibleByArgument, CaseIterable {
        case proto
        case json

        var encoding: Encoding {
            switch self {
            case .proto: .protobuf
            case .json: .json
            }
        }
    }

    /// Finds the server, gets the users and runs a scenario; prints its report and exits with a code for the result.
    /// - Parameter userCount: How many users the scenario needs.
    func run(
        userCount: Int, _ scenario: (Server, [Credential]) async throws -> Report
    ) async throws {
        do {
            guard let name = ServerAddress(server) else {
                throw LoadTestError(.input, "--server must be http://HOST:PORT, not \(server)")
            }
            let address = try name.resolve(allowRemote: allowRemote)
            guard OpenFiles.raiseLimit() >= UInt64(userCount) + 64 else {
                throw LoadTestError(.input, "\(userCount) sockets are more than this process may open: see ulimit -n")
            }
            let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
            let target = Server(
                name: name, address: address, encoding: encoding.encoding, eventLoop: group.next())
            let credentials =
                if let tokenFile {
                    try Users.read(from: tokenFile, count: userCount)
                } else {
                    try await Users.register(userCount, at: target, now: .wallClock())
                }
            let report = try await scenario(target, credentials)
            // The sockets are not closed: they end with the process.
            print(report.text(), terminator: "")
            if let json { try report.json().write(to: URL(filePath: json)) }
            if report.hasFailures { throw ExitCode(1) }
        } catch let exit as ExitCode {
            throw exit
        } catch {
            StandardError.line("loadtest: \(error)")
            throw ExitCode((error as? LoadTestError)?.code == .input ? 65 : 69)
        }
    }
}

/// Two sockets for each of a number of pairs, and traffic between them.
struct PairOptions: ParsableArguments {
    @Option(help: "How many pairs of users, 1 to 10000.")
    var pairs = 10

    @Option(help: "How many a second, above 0 and up to 100000; they start on time, even if the server is slow.")
    var rate = 10.0

    @Option(help: "For how long they start, in seconds, 1 to 3600.")
    var seconds = 10

    @Option(help: "When one counts as failed, in seconds, 1 to 60.")
    var timeout = 10

    func validate() throws {
        try check(pairs, in: 1...10_000, "--pairs")
        try check(seconds, in: 1...3600, "--seconds")
        try check(timeout, in: 1...60, "--timeout")
        guard rate > 0, rate <= 100_000 else { throw ValidationError("--rate must be above 0 and up to 100000.") }
    }

    /// Opens the sockets of all pairs, in the order in which traffic expects them.
    func open(_ credentials: [Credential], at server: Server) async throws -> [OpenSocket] {
        try await Server.inTurn(pairs * 2, atATime: 32) { try await Dialer.open(credentials[$0], at: server) }
    }

    /// Ends calls that a previous run has left open: an invite in an open call is answered with that call.
    func endCalls(of sockets: [OpenSocket], at server: Server) async throws {
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

    /// Warns of a load that the server's limits do not allow.
    /// - Parameters:
    ///   - commandsPerPiece: How many commands the busier socket of a pair sends for each piece.
    ///   - invitesPerPiece: How many calls the first user of a pair places for each.
    func warn(_ sockets: [OpenSocket], commandsPerPiece: Double, invitesPerPiece: Double = 0) {
        let warning = sockets.first.flatMap {
            Advice.warning(
                limits: $0.limits, pairs: pairs, rate: rate, commandsPerPiece: commandsPerPiece,
                invitesPerPiece: invitesPerPiece)
        }
        if let warning { StandardError.line("loadtest: \(warning)") }
    }

    /// A schedule that begins in a moment.
    func schedule() -> Schedule {
        Schedule(start: Instant(.now()) + .milliseconds(100), rate: rate, seconds: seconds)
    }
}

/// Refuses a number that is out of bounds.
func check(_ value: Int, in range: ClosedRange<Int>, _ option: String) throws {
    guard range.contains(value) else {
        throw ValidationError("\(option) must be \(range.lowerBound) to \(range.upperBound).")
    }
}

extension [OpenSocket] {
    /// The users of the sockets, in pairs.
    var userPairs: [UserPair] {
        stride(from: 0, to: count - 1, by: 2).map { UserPair(first: self[$0].user, second: self[$0 + 1].user) }
    }
}

extension Instant {
    /// The current wall-clock time.
    static func wallClock() -> Instant {
        Instant(microseconds: Int64(Date().timeIntervalSince1970 * 1_000_000))
    }
}

/// Lines for people that are not part of the report.
enum StandardError {
    static func line(_ text: String) {
        let bytes = Array("\(text)\n".utf8)
        _ = unsafe write(STDERR_FILENO, bytes, bytes.count)
    }
}
