import Primitives
import SwiftProtobuf
import Testing
import Wire

@testable import Gateway

/// Group calls from socket to socket: every command of a client, used rightly and wrongly.
@Suite(.timeLimit(.minutes(1))) struct GroupCallTests {
    /// Three people with a socket each, and a call of the first two that has grown to the third, who has accepted.
    struct Trio {
        let users: [TestUser]
        let sockets: [SocketClient]
        let call: String

        var host: SocketClient { sockets[0] }
        var second: SocketClient { sockets[1] }
        var third: SocketClient { sockets[2] }

        func id(_ index: Int) -> String { users[index].id.description }
    }

    private static func request() -> String { RequestID.random(at: Instant(microseconds: 0)).description }

    private static func accept(_ call: String) -> WireClientFrame.OneOf_Command {
        .callAccept(
            .with {
                $0.commandID = request()
                $0.callID = call
            })
    }

    private static func trio(_ server: TestServer) async throws -> Trio {
        var users: [TestUser] = []
        var sockets: [SocketClient] = []
        for name in ["first", "second", "third"] {
            users.append(try await server.register(name))
            sockets.append(try await SocketClient.connect(server, as: users[users.count - 1], encoding: .json).0)
        }
        let callee = users[1].id.description
        let newcomer = users[2].id.description
        let placed = try await sockets[0].ask(
            1,
            .callInvite(
                .with {
                    $0.clientCallID = request()
                    $0.userID = callee
                    $0.type = .video
                }))
        let call = placed.ok.call.id
        _ = try await sockets[1].ask(1, accept(call))
        let added = try await sockets[1].ask(
            2,
            .callAdd(
                .with {
                    $0.commandID = request()
                    $0.callID = call
                    $0.userIds = [newcomer]
                }))
        #expect(added.ok.call.mode == .group)
        #expect(added.ok.call.participants.map(\.status) == [.connected, .connected, .ringing])
        #expect(added.ok.call.participants.map(\.role) == [.host, .participant, .participant])
        let joined = try await sockets[2].ask(1, accept(call))
        #expect(joined.ok.call.participants.map(\.status) == [.connected, .connected, .connected])
        return Trio(users: users, sockets: sockets, call: call)
    }

    /// Waits for a certain event.
    private static func event(
        _ client: SocketClient, _ isWanted: (WireEvent.OneOf_Event) -> Bool
    ) async throws {
        while true {
            if let event = try await client.event().event, isWanted(event) { return }
        }
    }

    /// A command to a call about a user.
    struct Control: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let command: @Sendable (_ call: String, _ user: String) -> WireClientFrame.OneOf_Command
    }

    static let controls = [
        Control(testDescription: "set role") { call, user in
            .callSetRole(
                .with {
                    $0.commandID = request()
                    $0.callID = call
                    $0.userID = user
                    $0.role = .coHost
                })
        },
        Control(testDescription: "stop media") { call, user in
            .callStopMedia(
                .with {
                    $0.commandID = request()
                    $0.callID = call
                    $0.userID = user
                    $0.medium = .camera
                })
        },
        Control(testDescription: "remove") { call, user in
            .callRemove(
                .with {
                    $0.commandID = request()
                    $0.callID = call
                    $0.userID = user
                })
        },
        Control(testDescription: "lock") { call, _ in
            .callLock(
                .with {
                    $0.commandID = request()
                    $0.callID = call
                    $0.locked = true
                })
        },
        Control(testDescription: "admit") { call, user in
            .callAdmit(
                .with {
                    $0.commandID = request()
                    $0.callID = call
                    $0.userID = user
                    $0.admit = true
                })
        },
        Control(testDescription: "end") { call, _ in
            .callEnd(
                .with {
                    $0.commandID = request()
                    $0.callID = call
                })
        },
    ]

    @Test(arguments: controls)
    func onlyHostsControlAndAStrangerLearnsNothing(_ control: Control) async throws {
        try await TestServer.run { server in
            let trio = try await Self.trio(server)
            let stranger = try await SocketClient.connect(server, as: server.register("stranger")).0
            let command = { control.command(trio.call, trio.id(2)) }
            #expect(try await trio.second.ask(10, command()).error.code == .forbidden)
            #expect(try await stranger.ask(10, command()).error.code == .notFound)
            // Another call's id, and no id at all.
            let elsewhere = control.command(Self.request(), trio.id(2))
            #expect(try await trio.host.ask(11, elsewhere).error.code == .notFound)
            #expect(try await trio.host.ask(12, control.command("x", trio.id(2))).error.code == .invalid)
            // The host may, and may do it twice.
            let once = command()
            let first = try await trio.host.ask(13, once)
            #expect(first.error.code == .unspecified)
            let again = try await trio.host.ask(14, once)
            #expect(again.ok.call == first.ok.call)
        }
    }

    @Test func whatHostsDoIsSeenByTheOthers() async throws {
        try await TestServer.run { server in
            let trio = try await Self.trio(server)
            let camera = Self.controls[1].command(trio.call, trio.id(2))
            _ = try await trio.host.ask(10, camera)
            try await Self.event(trio.third) {
                if case .mediaStopped(let stopped) = $0 {
                    stopped.medium == .camera && stopped.byUserID == trio.id(0)
                } else {
                    false
                }
            }
            _ = try await trio.host.ask(11, Self.controls[3].command(trio.call, ""))
            let removed = try await trio.host.ask(12, Self.controls[2].command(trio.call, trio.id(2)))
            #expect(removed.ok.call.participants[2].leaveReason == .removed)
            try await Self.event(trio.third) {
                if case .callChanged(let change) = $0 { change.participants.first?.status == .left } else { false }
            }
            // The call is locked: coming back needs a request.
            let join = WireClientFrame.OneOf_Command.callJoin(
                .with {
                    $0.commandID = Self.request()
                    $0.callID = trio.call
                })
            let asked = try await trio.third.ask(13, join)
            #expect(asked.ok.call.joinRequests.map(\.id) == [trio.id(2)] && asked.ok.call.locked)
            let denied = WireClientFrame.OneOf_Command.callAdmit(
                .with {
                    $0.commandID = Self.request()
                    $0.callID = trio.call
                    $0.userID = trio.id(2)
                })
            _ = try await trio.host.ask(14, denied)
            try await Self.event(trio.third) { if case .joinDenied = $0 { true } else { false } }
            let ended = try await trio.host.ask(15, Self.controls[5].command(trio.call, ""))
            #expect(ended.ok.call.endReason == .endedByHost)
            try await Self.event(trio.second) {
                if case .callChanged(let change) = $0 { change.state.status == .completed } else { false }
            }
        }
    }

    @Test func holdAndHandsAreSeenByTheOthers() async throws {
        try await TestServer.run { server in
            let trio = try await Self.trio(server)
            let call = trio.call
            let held = try await trio.third.ask(
                10,
                .callHold(
                    .with {
                        $0.callID = call
                        $0.onHold = true
                    }))
            #expect(held.ok.call.participants[2].onHold)
            let raised = try await trio.third.ask(
                11,
                .callRaiseHand(
                    .with {
                        $0.callID = call
                        $0.raised = true
                    }))
            #expect(raised.ok.call.participants[2].hasHandRaisedAt)
            let owner = trio.id(2)
            let lower = WireClientFrame.OneOf_Command.callRaiseHand(
                .with {
                    $0.callID = call
                    $0.userID = owner
                })
            #expect(try await trio.second.ask(12, lower).error.code == .forbidden)
            #expect(try await trio.host.ask(13, lower).ok.call.participants[2].hasHandRaisedAt == false)
        }
    }

    @Test func malformedCommandsAreRefusedWithTheirField() async throws {
        try await TestServer.run { server in
            let trio = try await Self.trio(server)
            let call = trio.call
            let people = (0..<33).map { _ in Self.request() }
            let commands: [(String, WireClientFrame.OneOf_Command)] = [
                ("user_ids", .callAdd(.with { ($0.commandID, $0.callID) = (Self.request(), call) })),
                (
                    "user_ids",
                    .callAdd(.with { ($0.commandID, $0.callID, $0.userIds) = (Self.request(), call, people) })
                ),
                (
                    "user_ids",
                    .callAdd(.with { ($0.commandID, $0.callID, $0.userIds) = (Self.request(), call, ["me"]) })
                ),
                ("command_id", .callAdd(.with { ($0.callID, $0.userIds) = (call, [people[0]]) })),
                ("command_id", .callJoin(.with { $0.callID = call })),
                (
                    "role",
                    .callSetRole(.with { ($0.commandID, $0.callID, $0.userID) = (Self.request(), call, people[0]) })
                ),
                ("medium", .callStopMedia(.with { ($0.commandID, $0.callID) = (Self.request(), call) })),
                ("user_id", .callRemove(.with { ($0.commandID, $0.callID) = (Self.request(), call) })),
                ("user_id", .callRaiseHand(.with { ($0.callID, $0.userID) = (call, "x") })),
                ("conversation_id", .callInvite(.with { ($0.clientCallID, $0.type) = (Self.request(), .voice) })),
                (
                    "conversation_id",
                    .callInvite(
                        .with {
                            ($0.clientCallID, $0.type, $0.userID) = (Self.request(), .voice, people[0])
                            $0.conversationID = people[1]
                        })
                ),
            ]
            for (index, (field, command)) in commands.enumerated() {
                let reply = try await trio.host.ask(UInt32(20 + index), command)
                #expect(reply.error.code == .invalid, "\(command)")
                #expect(reply.error.message.contains(field), "\(reply.error.message)")
            }
        }
    }

    @Test func somebodyIsRungAgainOnlyAfterAWhile() async throws {
        try await TestServer.run { server in
            let trio = try await Self.trio(server)
            let call = trio.call
            let hangUp = WireClientFrame.OneOf_Command.callHangUp(
                .with { ($0.commandID, $0.callID) = (Self.request(), call) })
            _ = try await trio.third.ask(10, hangUp)
            let again = trio.id(2)
            let reply = try await trio.host.ask(
                11, .callAdd(.with { ($0.commandID, $0.callID, $0.userIds) = (Self.request(), call, [again]) }))
            #expect(reply.error.code == .rateLimited && reply.error.retryAfterMs > 20_000)
            #expect(reply.error.call.id == call)
        }
    }
}
