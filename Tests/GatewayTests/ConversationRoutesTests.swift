import Primitives
import Storage
import SwiftProtobuf
import Testing
import Wire

import struct Messaging.GroupDraft

@testable import Gateway

/// Groups, invitations into them, and the limits on making conversations, over REST.
@Suite(.timeLimit(.minutes(1))) struct ConversationRoutesTests {
    @Test func groups() async throws {
        try await TestServer.run { server in
            let (ann, ben) = (try await server.register("ann"), try await server.register("ben"))
            let eve = try await server.register("eve")
            for user in [ben, eve] { try await server.know(user, ann) }
            let (client, _) = try await SocketClient.connect(server, as: ben)
            let draft = try json(
                WireOpenConversationRequest.with {
                    $0.type = .group
                    $0.clientConversationID = RequestID.random(at: server.clock.now()).description
                    $0.name = "Band"
                    $0.memberIds = [ben.id.description]
                })
            let made = try await server.ask("POST", "/v1/conversations", token: ann.token, body: draft)
            let group = try decode(WireConversation.self, made)
            #expect(group.type == .group && group.name == "Band" && Set(group.roles) == [.owner, .member])
            let again = try await server.ask("POST", "/v1/conversations", token: ann.token, body: draft)
            #expect(try decode(WireConversation.self, again).id == group.id)
            guard case .messageReceived(let received) = try await client.event().event else {
                Issue.record("a member hears of a new group")
                return
            }
            #expect(received.message.conversationID == group.id && received.message.type == .system)

            let path = "/v1/conversations/\(group.id)"
            let more = try json(WireAddMembersRequest.with { $0.userIds = [eve.id.description] })
            #expect(try await server.ask("GET", path, token: eve.token).status == 404)
            #expect(try await server.ask("POST", path + "/members", token: ben.token, body: more).status == 403)
            #expect(try await server.ask("POST", path + "/members", token: ann.token, body: more).status == 200)
            #expect(try await server.ask("GET", path, token: eve.token).status == 200)
            let admin = try json(WireChangeMemberRequest.with { $0.role = .admin })
            let member = path + "/members/\(ben.id)"
            #expect(try await server.ask("PATCH", member, token: ben.token, body: admin).status == 403)
            #expect(try await server.ask("PATCH", member, token: ann.token, body: "{}").status == 400)
            let promoted = try await server.ask("PATCH", member, token: ann.token, body: admin)
            #expect(Set(try decode(WireConversation.self, promoted).roles) == [.owner, .admin, .member])
            #expect(try await server.ask("DELETE", path + "/members/\(ann.id)", token: eve.token).status == 403)
            #expect(try await server.ask("DELETE", path + "/members/\(eve.id)", token: ann.token).status == 204)
            #expect(try await server.ask("DELETE", path + "/members/\(eve.id)", token: ann.token).status == 404)
            #expect(try await server.ask("DELETE", path + "/members/\(ben.id)", token: ben.token).status == 204)
            let nameless = try json(WireOpenConversationRequest.with { $0.type = .group })
            #expect(try await server.ask("POST", "/v1/conversations", token: ann.token, body: nameless).status == 400)
        }
    }

    @Test func invitationsIntoGroups() async throws {
        try await TestServer.run { server in
            let (ann, ben) = (try await server.register("ann"), try await server.register("ben"))
            let eve = try await server.register("eve")
            let (client, _) = try await SocketClient.connect(server, as: ben)
            let draft = try json(
                WireOpenConversationRequest.with {
                    $0.type = .group
                    $0.clientConversationID = RequestID.random(at: server.clock.now()).description
                    $0.name = "Band"
                    $0.memberIds = [ben.id.description, eve.id.description]
                })
            let group = try decode(
                WireConversation.self, await server.ask("POST", "/v1/conversations", token: ann.token, body: draft))
            #expect(group.members.map(\.id) == [ann.id.description])
            #expect(Set(group.invited.map(\.username)) == ["ben", "eve"])
            guard case .invitationReceived(let received) = try await client.event().event else {
                Issue.record("who is invited hears of it")
                return
            }
            let (path, invitations) = ("/v1/conversations/\(group.id)", "/v1/invitations")
            let listed = try await server.ask("GET", invitations, token: ben.token)
            let list = try decode(WireGroupInvitationList.self, listed)
            #expect(list.invitations == [received.invitation] && list.nextCursor.isEmpty)
            #expect(received.invitation.conversationID == group.id && received.invitation.name == "Band")
            #expect(received.invitation.inviter.username == "ann" && received.invitation.memberCount == 1)
            #expect(try await server.ask("GET", path, token: ben.token).status == 404)
            let answers = "\(invitations)/\(group.id)"
            #expect(try await server.ask("POST", answers + "/accept", token: ann.token).status == 200)
            #expect(try await server.ask("POST", answers + "/decline", token: ann.token).status == 404)
            let accepted = try await server.ask("POST", answers + "/accept", token: ben.token)
            #expect(try decode(WireConversation.self, accepted).members.count == 2)
            #expect(try decode(WireConversation.self, accepted).invited.isEmpty)
            guard case .messageReceived(let joined) = try await client.event().event else {
                Issue.record("who accepts is a member")
                return
            }
            #expect(joined.message.body == "Ben joined, invited by Ann.")
            #expect(try await server.ask("POST", answers + "/decline", token: eve.token).status == 204)
            #expect(try await server.ask("POST", answers + "/accept", token: eve.token).status == 404)
            let withdrawn = path + "/members/\(eve.id)"
            #expect(try await server.ask("DELETE", withdrawn, token: ann.token).status == 204)
            #expect(try await server.ask("DELETE", withdrawn, token: ann.token).status == 404)
            for bad in ["x", "1_x", "-1_\(group.id)"] {
                #expect(try await server.ask("GET", "\(invitations)?cursor=\(bad)", token: ben.token).status == 400)
            }
            #expect(try await server.ask("GET", invitations).status == 401)
            #expect(try await server.ask("POST", invitations + "/x/accept", token: ben.token).status == 404)
        }
    }

    @Test func conversationsHavePages() async throws {
        try await TestServer.run { server in
            let ann = try await server.register("ann")
            for number in 0..<5 {
                let friend = try await server.register("friend\(number)")
                _ = try await server.messaging.directConversation(between: ann.id, and: friend.id)
            }
            var (seen, cursor): ([String], String) = ([], "")
            repeat {
                let path = "/v1/conversations?limit=2\(cursor.isEmpty ? "" : "&cursor=\(cursor)")"
                let page = try decode(WireConversationList.self, await server.ask("GET", path, token: ann.token))
                seen += page.conversations.map(\.id)
                cursor = page.nextCursor
            } while !cursor.isEmpty
            #expect(seen.count == 5 && Set(seen).count == 5)
            #expect(try await server.ask("GET", "/v1/conversations?cursor=5", token: ann.token).status == 400)
        }
    }

    @Test func aDaysQuotaSaysWhenToComeBack() async throws {
        var quotas = QuotaLimits()
        (quotas.groups, quotas.messages, quotas.contactRequests, quotas.rings) = (1, 1, 1, 1)
        try await TestServer.run(quotas: quotas) { server in
            let (ann, ben) = (try await server.register("ann"), try await server.register("ben"))
            let eve = try await server.register("eve")
            func group() throws -> String {
                try json(
                    WireOpenConversationRequest.with {
                        $0.type = .group
                        $0.clientConversationID = RequestID.random(at: server.clock.now()).description
                        $0.name = "Band"
                    })
            }
            func contact(_ user: TestUser) throws -> String {
                try json(WireRequestContactRequest.with { $0.userID = user.id.description })
            }
            let refusals = [
                ("/v1/conversations", try group(), try group()),
                ("/v1/contacts", try contact(ben), try contact(eve)),
            ]
            for (path, first, second) in refusals {
                #expect(try await server.ask("POST", path, token: ann.token, body: first).status == 200)
                let refused = try await server.ask("POST", path, token: ann.token, body: second)
                let error = try decode(WireError.self, refused)
                #expect(refused.status == 429 && error.code == .rateLimited && error.retryAfterMs > 0, "\(path)")
                #expect(Int(refused.headers["retry-after"] ?? "") ?? 0 > 0, "\(path)")
                #expect(error.message.contains("today"), "\(error.message)")
            }
            let (client, _) = try await SocketClient.connect(server, as: ann)
            func message() -> WireClientFrame.OneOf_Command {
                .sendMessage(
                    .with {
                        $0.clientMessageID = RequestID.random(at: server.clock.now()).description
                        $0.userID = ben.id.description
                        $0.body = "hello"
                    })
            }
            let commands = [(message(), message()), (Self.invite(ben, server), Self.invite(eve, server))]
            for (first, second) in commands {
                #expect(try await client.ask(1, first).error.code == .unspecified)
                let error = try await client.ask(2, second).error
                #expect(error.code == .rateLimited && error.retryAfterMs > 0 && error.message.contains("today"))
            }
        }
    }

    private static func invite(_ user: TestUser, _ server: TestServer) -> WireClientFrame.OneOf_Command {
        .callInvite(
            .with {
                $0.clientCallID = RequestID.random(at: server.clock.now()).description
                $0.userID = user.id.description
                $0.type = .voice
            })
    }

    /// Calling somebody, or answering their call, makes a user know them; just ringing does not make the caller known.
    @Test func callsMakePeopleKnown() async throws {
        try await TestServer.run { server in
            let (ann, ben) = (try await server.register("ann"), try await server.register("ben"))
            let (caller, _) = try await SocketClient.connect(server, as: ann)
            let (callee, _) = try await SocketClient.connect(server, as: ben)
            func isMember(_ user: TestUser, ofGroupBy maker: TestUser) async throws -> Bool {
                let draft = GroupDraft(
                    clientConversationID: .random(at: server.clock.now()), name: "Band", members: [user.id])
                return try await server.messaging.makeGroup(draft, by: maker.id).role(of: user.id) != nil
            }
            let call = try await caller.ask(1, Self.invite(ben, server)).ok.call
            #expect(try await isMember(ann, ofGroupBy: ben))
            #expect(try await !isMember(ben, ofGroupBy: ann))
            let accept = WireClientFrame.OneOf_Command.callAccept(
                .with {
                    $0.commandID = RequestID.random(at: server.clock.now()).description
                    $0.callID = call.id
                })
            #expect(try await callee.ask(1, accept).ok.call.status == .ongoing)
            #expect(try await isMember(ben, ofGroupBy: ann))
        }
    }

    @Test func nobodyChangesConversationsInAFlood() async throws {
        try await TestServer.run { server in
            let ann = try await server.register("ann")
            let nobody = RequestID.random(at: server.clock.now()).description
            let open = try json(WireOpenConversationRequest.with { $0.userID = nobody })
            // Two are allowed again each second while this goes on.
            for _ in 0..<1000 {
                let answer = try await server.ask("POST", "/v1/conversations", token: ann.token, body: open)
                if answer.status == 429 {
                    #expect(Int(answer.headers["retry-after"] ?? "") ?? 0 > 0)
                    return
                }
                #expect(answer.status == 404)
            }
            Issue.record("there is no limit")
        }
    }
}
