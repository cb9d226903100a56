import Primitives
import SwiftProtobuf
import Testing
import Wire

@testable import Gateway

/// Every command to a call, used wrongly: for no call, another's, one that is over, twice, and too often.
@Suite(.timeLimit(.minutes(1))) struct CallCommandTests {
    /// A command to a call about a user, both as text.
    struct Command: Sendable, CustomTestStringConvertible {
        let testDescription: String
        /// The error for a call that is over; nil when it is answered with the call, because it is already as
        /// requested, or the command was for that moment and comes too late.
        let afterTheEnd: WireErrorCode?
        let make: @Sendable (_ call: String, _ user: String) -> WireClientFrame.OneOf_Command

        init(
            _ name: String, afterTheEnd: WireErrorCode? = .callEnded,
            _ make: @escaping @Sendable (_ call: String, _ user: String) -> WireClientFrame.OneOf_Command
        ) {
            testDescription = name
            self.afterTheEnd = afterTheEnd
            self.make = make
        }
    }

    private static func request() -> String { RequestID.random(at: Instant(microseconds: 0)).description }

    static let commands = [
        Command("ringing", afterTheEnd: nil) { call, _ in .callRinging(.with { $0.callID = call }) },
        Command("accept") { call, _ in .callAccept(.with { ($0.commandID, $0.callID) = (request(), call) }) },
        Command("decline", afterTheEnd: nil) { call, _ in
            .callDecline(.with { ($0.commandID, $0.callID) = (request(), call) })
        },
        Command("cancel", afterTheEnd: nil) { call, _ in
            .callCancel(.with { ($0.commandID, $0.callID) = (request(), call) })
        },
        Command("hang up", afterTheEnd: nil) { call, _ in
            .callHangUp(.with { ($0.commandID, $0.callID) = (request(), call) })
        },
        Command("move") { call, _ in .callMove(.with { ($0.commandID, $0.callID) = (request(), call) }) },
        Command("fetch", afterTheEnd: nil) { call, _ in .callFetch(.with { $0.callID = call }) },
        Command("set media", afterTheEnd: nil) { call, _ in .callSetMedia(.with { $0.callID = call }) },
        Command("hold", afterTheEnd: nil) { call, _ in .callHold(.with { ($0.callID, $0.onHold) = (call, true) }) },
        Command("raise hand", afterTheEnd: nil) { call, _ in
            .callRaiseHand(.with { ($0.callID, $0.raised) = (call, true) })
        },
        Command("description", afterTheEnd: nil) { call, user in
            .sendDescription(
                .with {
                    ($0.callID, $0.userID) = (call, user)
                    ($0.description_p.type, $0.description_p.sdp) = (.offer, "v=0\r\n")
                })
        },
        Command("candidate", afterTheEnd: nil) { call, user in
            .sendCandidate(.with { ($0.callID, $0.userID) = (call, user) })
        },
        Command("start screen share") { call, _ in
            .startScreenShare(.with { ($0.commandID, $0.callID) = (request(), call) })
        },
        Command("stop screen share", afterTheEnd: nil) { call, _ in
            .stopScreenShare(.with { ($0.commandID, $0.callID) = (request(), call) })
        },
        Command("join") { call, _ in .callJoin(.with { ($0.commandID, $0.callID) = (request(), call) }) },
        Command("add") { call, user in
            .callAdd(.with { ($0.commandID, $0.callID, $0.userIds) = (request(), call, [user]) })
        },
        Command("set role") { call, user in
            .callSetRole(
                .with {
                    ($0.commandID, $0.callID, $0.userID) = (request(), call, user)
                    $0.role = .coHost
                })
        },
        Command("stop media") { call, user in
            .callStopMedia(
                .with {
                    ($0.commandID, $0.callID, $0.userID) = (request(), call, user)
                    $0.medium = .microphone
                })
        },
        Command("remove") { call, user in
            .callRemove(.with { ($0.commandID, $0.callID, $0.userID) = (request(), call, user) })
        },
        Command("lock") { call, _ in
            .callLock(.with { ($0.commandID, $0.callID, $0.locked) = (request(), call, true) })
        },
        Command("admit") { call, user in
            .callAdmit(.with { ($0.commandID, $0.callID, $0.userID) = (request(), call, user) })
        },
        Command("end", afterTheEnd: nil) { call, _ in
            .callEnd(.with { ($0.commandID, $0.callID) = (request(), call) })
        },
    ]

    /// The first calls the second, who accepts; both have a socket.
    private static func pair(
        _ server: TestServer
    ) async throws -> (first: SocketClient, second: SocketClient, callee: String, call: String) {
        let callee = try await server.register("second")
        let first = try await SocketClient.connect(server, as: server.register("first")).client
        let second = try await SocketClient.connect(server, as: callee).client
        let placed = try await first.ask(
            2,
            .callInvite(
                .with { ($0.clientCallID, $0.userID, $0.type) = (request(), callee.id.description, .video) }))
        let call = placed.ok.call.id
        let accepted = try await second.ask(
            2, .callAccept(.with { ($0.commandID, $0.callID) = (request(), call) }))
        try #require(accepted.ok.call.status == .ongoing)
        return (first, second, callee.id.description, call)
    }

    @Test("The table has every command of the schema that concerns a call")
    func all() {
        let ofTheSchema = Set(
            (1...200).compactMap { number in
                // The field of this number, empty.
                let tag = [UInt8(truncatingIfNeeded: number << 3 | 2) | 0x80, UInt8(number >> 4)]
                return try? WireClientFrame(serializedBytes: tag + [0]).command.map(Self.name)
            })
        let others: Set = ["hello", "ping", "callInvite", "sendMessage"]
        #expect(ofTheSchema.isSuperset(of: others))
        #expect(Set(Self.commands.map { Self.name($0.make("", "")) }) == ofTheSchema.subtracting(others))
    }

    private static func name(_ command: WireClientFrame.OneOf_Command) -> String {
        String(String(describing: command).prefix { $0 != "(" })
    }

    @Test("No id, no call, another's call, twice, and too late", arguments: commands)
    func wrongly(_ command: Command) async throws {
        try await TestServer.run { server in
            let (first, second, callee, call) = try await Self.pair(server)
            #expect(try await first.ask(10, command.make("x", callee)).error.code == .invalid)
            #expect(try await first.ask(11, command.make("", callee)).error.code == .invalid)
            let unknown = CallID.random(at: server.clock.now()).description
            let absent = try await first.ask(12, command.make(unknown, callee))
            #expect(absent.error.code == .notFound && !absent.error.hasCall)
            let stranger = try await SocketClient.connect(server, as: server.register("stranger")).client
            let spied = try await stranger.ask(12, command.make(call, callee))
            #expect(spied.error == absent.error, "a stranger learns that there is such a call")
            #expect(try await first.ask(13, .callFetch(.with { $0.callID = call })).ok.call.status == .ongoing)

            let once = command.make(call, callee)
            let answer = try await first.ask(14, once)
            let again = try await first.ask(14, once)
            #expect(again == answer)

            let hangUp = WireClientFrame.OneOf_Command.callHangUp(
                .with { ($0.commandID, $0.callID) = (Self.request(), call) })
            let ended = try await second.ask(15, hangUp).ok.call
            try #require(ended.status == .completed)
            let late = try await first.ask(16, command.make(call, callee))
            if let code = command.afterTheEnd {
                #expect(late.error.code == code && !late.error.retryable)
                #expect(late.error.call == ended)
            } else {
                #expect(late.ok.call == ended)
            }
        }
    }

    @Test("Too many of them are refused, and the call goes on")
    func tooOften() async throws {
        // A slow rate, so that the figures are also right on a machine that takes longer than a second.
        try await TestServer.run(.with { $0.limits.commandsPerSecond = 1 }) { server in
            let (_, second, callee, call) = try await Self.pair(server)
            for (index, command) in Self.commands.enumerated() {
                let user = try await server.register("flood-\(index)")
                let client = try await SocketClient.connect(server, as: user).client
                let once = command.make(call, callee)
                for id in 100..<400 as Range<UInt32> { try client.send(id, once) }
                var refused = 0
                for _ in 100..<400 where try await client.receive().error.code == .rateLimited { refused += 1 }
                // A socket may send 200 at once; some commands have limits of their own below that.
                #expect((50..<300).contains(refused), "\(command.testDescription)")
            }
            #expect(try await second.ask(20, .callFetch(.with { $0.callID = call })).ok.call.status == .ongoing)
        }
    }
}
