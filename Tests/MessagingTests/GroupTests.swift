import Messaging
import Primitives
import Storage
import TestDatabases
import Testing

@Suite(.serialized, .timeLimit(.minutes(1))) struct GroupTests {
    @Test(arguments: DatabaseEngine.tested) func aGroupIsMadeOnce(engine: DatabaseEngine) async throws {
        try await MessagingWorld.with(engine) { world in
            let people = try await world.friends("ada", "ben", "eve")
            let (ada, ben, eve) = (people[0], people[1], people[2])
            let draft = GroupDraft(
                clientConversationID: .random(at: world.clock.now), name: "  Band ", members: [ben, ada, ben])
            let group = try await world.service.makeGroup(draft, by: ada)
            #expect(group.type == .group)
            #expect(group.name == "Band")
            #expect(group.members.map(\.id) == [ada, ben].sorted())
            #expect(group.role(of: ada) == .owner)
            #expect(group.role(of: ben) == .member)
            #expect(group.lastMessage?.type == .system)
            #expect(group.lastMessage?.body.exposed == "ADA made the group “Band”.")
            #expect(try await world.service.makeGroup(draft, by: ada) == group)
            #expect(world.record.deliveries == [try #require(group.lastMessage)])
            // A client id of one user means nothing for another.
            #expect(try await world.service.makeGroup(draft, by: eve).id != group.id)

            let sent = try await world.send(world.draft(.conversation(group.id)), from: ben)
            #expect(sent.seq == 2)
            #expect(try await world.service.conversations(of: ada).conversations.first?.name == "Band")
            await expect(.notFound) { _ = try await world.service.conversation(group.id, for: eve) }
            await expect(.notFound) { _ = try await world.service.callableMembers(of: group.id, for: eve) }
            let callable = try await world.service.callableMembers(of: group.id, for: ben)
            #expect(callable.type == .group)
            #expect(callable.members.map(\.id) == [ada, ben].sorted())
        }
    }

    @Test(arguments: DatabaseEngine.tested) func malformedGroupsAreTurnedAway(engine: DatabaseEngine) async throws {
        try await MessagingWorld.with(engine) { world in
            let ada = try await world.user("ada")
            func make(_ name: String, _ members: [UserID] = []) async throws {
                let id = RequestID.random(at: world.clock.now)
                _ = try await world.service.makeGroup(
                    GroupDraft(clientConversationID: id, name: name, members: members), by: ada)
            }
            let marks = ["two\u{2028}lines", "turned \u{202E}round"]
            let hidden = [
                "\u{200B}", "\u{3164}\u{3164}", "\u{2800}", "B\u{AD}and", "Band\u{200F}", "B\u{202E}and", "B\u{61C}and",
            ]
            for name in hidden + ["", " \n", "a\u{0}b", "two\nlines", String(repeating: "x", count: 101)] + marks {
                await expect(.invalid(.name)) { try await make(name) }
            }
            await expect(.invalid(.name)) { try await make("e" + String(repeating: "\u{301}", count: 2000)) }
            let strangers = (0..<100).map { _ in UserID.random(at: world.clock.now) }
            await expect(.invalid(.memberIDs)) { try await make("Many", strangers) }
            await expect(.notFound) { try await make("Ghosts", [strangers[0]]) }
            #expect(try await world.service.conversations(of: ada).conversations.isEmpty)
        }
    }

    @Test(arguments: DatabaseEngine.tested) func membersComeAndGo(engine: DatabaseEngine) async throws {
        try await MessagingWorld.with(engine) { world in
            let service = world.service
            let people = try await world.friends("ada", "ben", "eve")
            let (ada, ben, eve) = (people[0], people[1], people[2])
            let draft = GroupDraft(clientConversationID: .random(at: world.clock.now), name: "Band", members: [ben])
            let group = try await service.makeGroup(draft, by: ada).id
            await expect(.forbidden) { _ = try await service.addMembers([eve], to: group, by: ben) }
            await expect(.notFound) { _ = try await service.addMembers([eve], to: group, by: eve) }
            await expect(.notFound) {
                _ = try await service.addMembers([.random(at: .init(microseconds: 0))], to: group, by: ada)
            }
            #expect(try await service.addMembers([eve, ben], to: group, by: ada).members.count == 3)
            #expect(world.record.deliveries.last?.body.exposed == "ADA added EVE.")
            await expect(.forbidden) { try await service.removeMember(ada, from: group, by: eve) }
            try await service.removeMember(eve, from: group, by: ada)
            guard case .delivery(_, let told) = try #require(world.record.events.last) else { return }
            #expect(told == [.user(ada), .user(ben), .user(eve)])
            await expect(.notFound) { _ = try await service.conversation(group, for: eve) }
            await expect(.notFound) { try await service.removeMember(eve, from: group, by: ada) }
            // Somebody comes back, and the owner leaves: the longest-standing member takes over.
            world.clock.advance(.seconds(1))
            _ = try await service.addMembers([eve], to: group, by: ada)
            try await service.removeMember(ada, from: group, by: ada)
            let left = try await service.conversation(group, for: ben)
            #expect(left.role(of: ben) == .owner)
            #expect(left.role(of: eve) == .member)
            #expect(left.role(of: ada) == nil)
        }
    }

    @Test(arguments: DatabaseEngine.tested) func theOwnerMakesAdmins(engine: DatabaseEngine) async throws {
        try await MessagingWorld.with(engine) { world in
            let service = world.service
            let people = try await world.friends("ada", "ben", "eve", "zoe")
            let (ada, ben, eve, zoe) = (people[0], people[1], people[2], people[3])
            let draft = GroupDraft(
                clientConversationID: .random(at: world.clock.now), name: "Band", members: [ben, eve])
            let group = try await service.makeGroup(draft, by: ada).id
            func change(_ user: UserID, _ role: MemberRole, by actor: UserID) async throws -> MemberRole? {
                try await service.changeRole(of: user, to: role, in: group, by: actor).role(of: user)
            }
            for _ in 0..<2 { #expect(try await change(ben, .admin, by: ada) == .admin) }
            // The second time nothing happens, and no line is written.
            #expect(world.record.deliveries.map(\.body.exposed).last == "ADA made BEN an admin.")
            #expect(world.record.deliveries.count == 2)
            _ = try await service.addMembers([zoe], to: group, by: ben)
            try await service.removeMember(eve, from: group, by: ben)

            await expect(.forbidden) { _ = try await change(zoe, .admin, by: ben) }
            await expect(.forbidden) { _ = try await change(ben, .member, by: ben) }
            await expect(.notFound) { _ = try await change(ben, .member, by: eve) }
            await expect(.notFound) { _ = try await change(eve, .admin, by: ada) }
            await expect(.invalid(.role)) { _ = try await change(ben, .owner, by: ada) }
            await expect(.invalid(.role)) { _ = try await change(ada, .member, by: ada) }
            #expect(try await change(ben, .member, by: ada) == .member)
            #expect(world.record.deliveries.last?.body.exposed == "ADA made BEN a member.")
            await expect(.forbidden) { _ = try await service.addMembers([eve], to: group, by: ben) }

            let direct = try await service.directConversation(between: ada, and: ben).id
            await expect(.forbidden) {
                _ = try await service.changeRole(of: ben, to: .admin, in: direct, by: ada)
            }
        }
    }

    @Test(arguments: DatabaseEngine.tested) func aGroupNeverGrowsTooLarge(engine: DatabaseEngine) async throws {
        try await MessagingWorld.withTwo(engine) { world, other in
            let ada = try await world.user("ada")
            var people: [UserID] = []
            for number in 0..<104 {
                people.append(try await world.user("user\(number)"))
                try await world.know(people[number], [ada])
            }
            let draft = GroupDraft(
                clientConversationID: .random(at: world.clock.now), name: "Crowd", members: Array(people[0..<95]))
            let group = try await world.service.makeGroup(draft, by: ada).id
            await withTaskGroup(of: Void.self) { tasks in
                for (index, newcomer) in people[95...].enumerated() {
                    let service = (index % 2 == 0 ? world : other).service
                    tasks.addTask { _ = try? await service.addMembers([newcomer], to: group, by: ada) }
                }
            }
            #expect(try await world.service.conversation(group, for: ada).members.count == 100)
        }
    }

    @Test(arguments: DatabaseEngine.tested) func aDirectConversationKeepsItsTwo(engine: DatabaseEngine) async throws {
        try await MessagingWorld.with(engine) { world in
            let (ada, ben) = (try await world.user("ada"), try await world.user("ben"))
            let direct = try await world.service.directConversation(between: ada, and: ben).id
            await expect(.forbidden) { _ = try await world.service.addMembers([ben], to: direct, by: ada) }
            await expect(.forbidden) { try await world.service.removeMember(ada, from: direct, by: ada) }
        }
    }

    @Test(arguments: DatabaseEngine.tested) func aCallLeavesOneMessage(engine: DatabaseEngine) async throws {
        try await MessagingWorld.with(engine) { world in
            let (ada, ben) = (try await world.user("ada"), try await world.user("ben"))
            let direct = try await world.service.directConversation(between: ada, and: ben).id
            let summary = CallSummary(
                call: .random(at: world.clock.now), type: "video", status: "completed", endReason: "hangup",
                durationSeconds: 185, initiator: ada)
            let message = SystemMessage(summary, in: direct, at: world.clock.now)
            let results = try await world.database.commit(WriteUnit(message.steps))
            world.service.deliver(message, results: results[...])
            let again = try await world.database.commit(WriteUnit(message.steps))
            world.service.deliver(message, results: again[...])
            #expect(world.record.deliveries.count == 1)
            // If the results of the statements are unknown, the message is looked up.
            world.service.deliver(message, results: [])
            await world.record.waitForDeliveries(2)
            let page = try await world.service.history(of: direct, reader: ben)
            #expect(page.messages.map(\.call) == [summary])
            #expect(page.messages.first?.body.exposed == "Video call, 3 min")
            #expect(world.record.deliveries == [page.messages[0], page.messages[0]])
            #expect(try await world.service.conversations(of: ada).conversations.first?.lastMessage == page.messages[0])
        }
    }
}
