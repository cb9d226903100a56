import Accounts
import Logging
import Messaging
import Primitives
import SignalingCore
import SignalingService
import Storage
import SwiftProtobuf
import Testing
import Wire

@testable import Delivery
@testable import Gateway

/// A user who does not belong to a call is out of it, whatever the cause, and sees no more of it in any way.
@Suite(.timeLimit(.minutes(1))) struct BelongingTests {
    private static func request() -> String { RequestID.random(at: Instant(microseconds: 0)).description }

    /// A group of three with a call that all of them are in. The first one owns the group and hosts the call.
    private struct Band {
        let users: [TestUser]
        let sockets: [SocketClient]
        let group: ConversationID
        let call: String
    }

    private static func band(_ server: TestServer) async throws -> Band {
        var users: [TestUser] = []
        var sockets: [SocketClient] = []
        for name in ["ann", "ben", "cleo"] {
            users.append(try await server.register(name))
            sockets.append(try await SocketClient.connect(server, as: users[users.count - 1], encoding: .json).0)
        }
        for other in users.dropFirst() { try await server.know(other, users[0]) }
        let draft = GroupDraft(
            clientConversationID: .random(at: server.clock.now()), name: "Band", members: users.dropFirst().map(\.id))
        let group = try await server.messaging.makeGroup(draft, by: users[0].id).id
        let placed = try await sockets[0].ask(
            1,
            .callInvite(
                .with {
                    $0.clientCallID = request()
                    $0.conversationID = group.description
                    $0.type = .voice
                }))
        let call = placed.ok.call.id
        for socket in sockets.dropFirst() {
            let joined = try await socket.ask(1, join(call))
            #expect(joined.ok.call.id == call)
        }
        return Band(users: users, sockets: sockets, group: group, call: call)
    }

    private static func join(_ call: String) -> WireClientFrame.OneOf_Command {
        .callJoin(
            .with {
                $0.commandID = request()
                $0.callID = call
            })
    }

    private static func fetch(_ call: String) -> WireClientFrame.OneOf_Command {
        .callFetch(.with { $0.callID = call })
    }

    /// Waits until a client is told that somebody was removed from the call.
    private static func removal(of user: UserID, seenBy client: SocketClient) async throws -> WireCall {
        while true {
            let participants: [WireCallParticipant]
            let event = try await client.event().event
            switch event {
            case .callUpdated(let update): participants = update.call.participants
            case .callChanged(let change): participants = change.participants
            default: continue
            }
            guard
                participants.contains(where: {
                    $0.user.id == user.description && $0.status == .left && $0.leaveReason == .removed
                })
            else { continue }
            // A removed user is told the state of the call, and can't ask for it.
            if case .callUpdated(let update) = event { return update.call }
            guard case .callChanged(let change) = event else { continue }
            return try await client.ask(4_000, fetch(change.callID)).ok.call
        }
    }

    private static func answer(_ server: TestServer, _ method: String, _ path: String, _ user: TestUser) async throws
        -> HTTPAnswer
    {
        let raw = try await RawClient.connect(port: server.port)
        defer { raw.close() }
        raw.send("\(method) \(path) HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(user.token)\r\n\r\n")
        return try await raw.response()
    }

    @Test func whoIsRemovedFromTheGroupIsOutOfItsCall() async throws {
        try await TestServer.run { server in
            let band = try await Self.band(server)
            // The second one is made host of the call; being removed by the owner ends that, too.
            let cleo = band.users[2].id
            _ = try await band.sockets[0].ask(
                2,
                .callSetRole(
                    .with {
                        $0.commandID = Self.request()
                        $0.callID = band.call
                        $0.userID = cleo.description
                        $0.role = .host
                    }))
            let path = "/v1/conversations/\(band.group)/members/\(cleo)"
            #expect(try await Self.answer(server, "DELETE", path, band.users[0]).status == 204)
            let seen = try await Self.removal(of: cleo, seenBy: band.sockets[1])
            #expect(seen.participants.first { $0.role == .host }?.user.id == band.users[0].id.description)
            _ = try await Self.removal(of: cleo, seenBy: band.sockets[2])
            let lock = try await band.sockets[2].ask(
                2,
                .callLock(
                    .with {
                        $0.commandID = Self.request()
                        $0.callID = band.call
                        $0.locked = true
                    }))
            #expect(lock.error.code == .notFound && !lock.error.hasCall)
            #expect(try await band.sockets[2].ask(3, Self.join(band.call)).error.code == .notFound)
            let fetched = try await band.sockets[2].ask(4, Self.fetch(band.call))
            #expect(fetched.error.code == .notFound && !fetched.error.hasCall)
            let welcome = try await SocketClient.connect(server, as: band.users[2], encoding: .json).welcome
            #expect(welcome.calls.isEmpty)
        }
    }

    /// Ben has blocked ann, who adds him: to her he is in the group and its call until she removes him, and he is told
    /// nothing.
    @Test func whoIsInTheGroupInNameOnlyHearsOfNothing() async throws {
        try await TestServer.run { server in
            let (ann, ben) = (try await server.register("ann"), try await server.register("ben"))
            try await server.know(ben, ann)
            try await server.accounts.block(ann.id, by: ben.id)
            let (anns, _) = try await SocketClient.connect(server, as: ann, encoding: .json)
            let (bens, _) = try await SocketClient.connect(server, as: ben, encoding: .json)
            let draft = GroupDraft(
                clientConversationID: .random(at: server.clock.now()), name: "Band", members: [ben.id])
            let group = try await server.messaging.makeGroup(draft, by: ann.id).id
            let seen = try await Self.answer(server, "GET", "/v1/conversations/\(group)", ann)
            let conversation = try Encoding.json.decode(WireConversation.self, from: Array(seen.body.utf8))
            #expect(Set(conversation.members.map(\.id)) == [ann.id.description, ben.id.description])
            #expect(conversation.roles.count == 2 && conversation.invited.isEmpty)

            let placed = try await anns.ask(
                1,
                .callInvite(
                    .with {
                        $0.clientCallID = Self.request()
                        $0.conversationID = group.description
                        $0.type = .voice
                    }))
            let rung = placed.ok.call.participants.first { $0.user.id == ben.id.description }
            #expect(rung?.status == .ringing)
            let path = "/v1/conversations/\(group)/members/\(ben.id)"
            #expect(try await Self.answer(server, "DELETE", path, ann).status == 204)
            // Nobody else is rung, so the call is over.
            #expect(try await Self.removal(of: ben.id, seenBy: anns).status == .missed)
            // The first frame that he gets after his welcome is the answer to what he asks now.
            try bens.send(1, Self.fetch(placed.ok.call.id))
            let answer = try await bens.receive()
            #expect(answer.error.code == .notFound)
            for path in ["/v1/conversations", "/v1/invitations", "/v1/calls"] {
                #expect(try await Self.answer(server, "GET", path, ben).body == "{}", "\(path)")
            }
        }
    }

    @Test func whoLeavesTheGroupLeavesItsCall() async throws {
        try await TestServer.run { server in
            let band = try await Self.band(server)
            let path = "/v1/conversations/\(band.group)/members/\(band.users[0].id)"
            #expect(try await Self.answer(server, "DELETE", path, band.users[0]).status == 204)
            let seen = try await Self.removal(of: band.users[0].id, seenBy: band.sockets[1])
            #expect(seen.participants.filter { $0.role == .host }.count == 1)
        }
    }

    @Test func whoIsBarredSeesTheLiveCallByNoWay() async throws {
        try await TestServer.run { server in
            let band = try await Self.band(server)
            let ben = band.users[1]
            let barred = try await band.sockets[0].ask(
                2,
                .callRemove(
                    .with {
                        $0.commandID = Self.request()
                        $0.callID = band.call
                        $0.userID = ben.id.description
                        $0.bar = true
                    }))
            #expect(barred.ok.call.id == band.call)
            let fetched = try await band.sockets[1].ask(2, Self.fetch(band.call))
            #expect(fetched.error.code == .notFound && !fetched.error.hasCall)
            let joined = try await band.sockets[1].ask(3, Self.join(band.call))
            #expect(joined.error.code == .forbidden && !joined.error.hasCall)
            let welcome = try await SocketClient.connect(server, as: ben, encoding: .json).welcome
            #expect(welcome.calls.isEmpty)

            // All that is left of it is their own record, up to the moment at which they were removed.
            let paths = ["/v1/calls", "/v1/conversations/\(band.group)/calls"]
            for path in paths {
                let answer = try await Self.answer(server, "GET", path, ben)
                let list = try Encoding.json.decode(WireCallList.self, from: Array(answer.body.utf8))
                #expect(list.calls.map(\.status) == [.completed] && list.calls.map(\.endReason) == [.endedByHost])
            }
            let answer = try await Self.answer(server, "GET", "/v1/calls/\(band.call)", ben)
            let details = try Encoding.json.decode(WireCallDetails.self, from: Array(answer.body.utf8))
            #expect(details.call.status == .completed && details.call.revision == 0)
            let others = try await Self.answer(server, "GET", "/v1/calls/\(band.call)", band.users[2])
            #expect(
                try Encoding.json.decode(WireCallDetails.self, from: Array(others.body.utf8)).call.status == .ongoing)
        }
    }

    @Test func whoLogsOutLeavesTheCallAndTheSocket() async throws {
        try await TestServer.run { server in
            let band = try await Self.band(server)
            let ben = band.users[1]
            // Another device of the same user stays.
            let laptop = try await server.logIn("ben")
            let (second, _) = try await SocketClient.connect(server, as: laptop, encoding: .json)
            #expect(try await Self.answer(server, "DELETE", "/v1/sessions/current", ben).status == 204)
            let seen = try await Self.removal(of: ben.id, seenBy: band.sockets[0])
            #expect(seen.status == .ongoing)
            #expect(try await band.sockets[1].closeCode() == 4502)
            _ = try await Self.removal(of: ben.id, seenBy: second)
            #expect(try await second.isAlive())
        }
    }

    @Test func aLogOutOfOneDeviceLeavesTheCallOfAnotherAlone() async throws {
        try await TestServer.run { server in
            let band = try await Self.band(server)
            let laptop = try await server.logIn("ben")
            try await server.accounts.logOut(server.accounts.authenticate(laptop.credentials.accessToken))
            let fetched = try await band.sockets[1].ask(2, Self.fetch(band.call))
            #expect(fetched.ok.call.participants.map(\.status) == [.connected, .connected, .connected])
        }
    }

    /// As `ringback user suspend` does, in a separate process: nobody on this server is told.
    @Test func whoIsSuspendedFromOutsideIsOutWithinAboutASecond() async throws {
        try await TestServer.run { server in
            let band = try await Self.band(server)
            let outside = AccountService(
                database: server.database, tokens: await AccessTokens(key: .random()),
                passwords: PasswordHasher(cost: 10, threads: 1), now: server.clock.now, revocations: SessionRegistry(),
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            let clock = ContinuousClock()
            let before = clock.now
            try await outside.suspend(username: "ben")
            _ = try await Self.removal(of: band.users[1].id, seenBy: band.sockets[0])
            #expect(try await band.sockets[1].closeCode() == 4502)
            // A slow machine gets enough time.
            #expect(clock.now - before < .seconds(10))
            #expect(try await band.sockets[0].isAlive())
        }
    }

    @Test func whatWasRevokedWhileTheDatabaseWasAwayIsFoundByTheNextLook() async throws {
        try await TestServer.run { server in
            let watch = RevocationWatch(registry: server.registry, accounts: server.accounts)
            var known: Set<SessionID>? = await watch.look(knowing: nil)
            #expect(known == [])
            var sockets: [SocketClient] = []
            for name in ["ann", "ben"] {
                sockets.append(try await SocketClient.connect(server, as: server.register(name)).0)
            }
            // More than one page, and the clock is set back meanwhile.
            for _ in 0...RevocationWatch.pageLimit {
                let user = try await server.logIn("ann")
                try await server.accounts.logOut(server.accounts.authenticate(user.credentials.accessToken))
            }
            server.clock.advance(.seconds(-7200))
            let outside = AccountService(
                database: server.database, tokens: await AccessTokens(key: .random()),
                passwords: PasswordHasher(cost: 10, threads: 1), now: server.clock.now, revocations: SessionRegistry(),
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            try await outside.suspend(username: "ben")
            known = await watch.look(knowing: known)
            #expect(known?.count == RevocationWatch.pageLimit)
            #expect(try await sockets[1].closeCode() == 4502)
            #expect(try await sockets[0].isAlive())
        }
    }
}
