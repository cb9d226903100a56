import Messaging
import Primitives
import Storage
import TestDatabases
import Testing

/// A user can only invite people who do not know them into a group, not add them.
@Suite(.serialized, .timeLimit(.minutes(1))) struct InvitationTests {
    private func draft(_ world: MessagingWorld, _ members: [UserID], _ name: String = "Band") -> GroupDraft {
        GroupDraft(clientConversationID: .random(at: world.clock.now), name: name, members: members)
    }

    private func names(_ world: MessagingWorld, _ user: UserID) async throws -> [String] {
        try await world.service.invitations(of: user).invitations.map(\.name)
    }

    @Test(arguments: DatabaseEngine.tested) func aStrangerIsAskedFirst(engine: DatabaseEngine) async throws {
        try await MessagingWorld.with(engine) { world in
            let service = world.service
            let people = try await world.friends("ada", "ben")
            let (ada, ben, eve) = (people[0], people[1], try await world.user("eve"))
            let group = try await service.makeGroup(draft(world, [ben, eve]), by: ada)
            #expect(group.members.map(\.id) == [ada, ben].sorted())
            #expect(group.invited.map(\.id) == [eve])
            #expect(group.invited.first?.displayName == "EVE")

            // Until she accepts, the group is none of her business.
            #expect(try await service.conversations(of: eve).conversations.isEmpty)
            await expect(.notFound) { _ = try await service.conversation(group.id, for: eve) }
            await expect(.notFound) { _ = try await service.history(of: group.id, reader: eve) }
            await expect(.notFound) { try await world.send(world.draft(.conversation(group.id)), from: eve) }
            await expect(.notFound) { _ = try await service.addMembers([ben], to: group.id, by: eve) }
            let callable = try await service.callableMembers(of: group.id, for: ada)
            #expect(callable.members.map(\.id) == [ada, ben].sorted())
            try await world.send(world.draft(.conversation(group.id)), from: ben)
            guard case .delivery(_, let told) = try #require(world.record.events.last) else { return }
            #expect(!told.contains(.user(eve)))
            // Only those who may add people see who is invited.
            #expect(try await service.conversation(group.id, for: ben).invited.isEmpty)

            let invitation = try #require(try await service.invitations(of: eve).invitations.first)
            #expect(invitation.conversation == group.id && invitation.name == "Band" && invitation.memberCount == 2)
            #expect(invitation.inviter.id == ada && invitation.inviter.displayName == "ADA")
            #expect(world.record.events.contains(.invitation(invitation, to: eve)))

            let joined = try await service.acceptInvitation(into: group.id, by: eve)
            #expect(joined.role(of: eve) == .member && joined.members.count == 3)
            #expect(world.record.deliveries.last?.body.exposed == "EVE joined, invited by ADA.")
            #expect(try await service.invitations(of: eve).invitations.isEmpty)
            #expect(try await service.conversation(group.id, for: ada).invited.isEmpty)
            #expect(try await service.history(of: group.id, reader: eve).messages.count == 3)
            try await world.send(world.draft(.conversation(group.id)), from: eve)
            await world.record.waitForDeliveries(4)
            // Another device of hers has accepted, too.
            let count = world.record.deliveries.count
            #expect(try await service.acceptInvitation(into: group.id, by: eve).id == group.id)
            #expect(world.record.deliveries.count == count)
            await expect(.notFound) { _ = try await service.acceptInvitation(into: group.id, by: world.user("zoe")) }
        }
    }

    /// Each way to know somebody, and some that do not count.
    @Test(arguments: DatabaseEngine.tested) func whoKnowsWhom(engine: DatabaseEngine) async throws {
        try await MessagingWorld.with(engine) { world in
            let service = world.service
            let ada = try await world.user("ada")
            func contact(_ other: UserID, askedBy asker: UserID, accepted: Bool = false) async throws {
                let pair: [SQLValue] = [.id(min(ada, other)), .id(max(ada, other))]
                let asked = asker == ada ? other : ada
                var steps = [
                    Step(
                        .requestContact,
                        pair + [.id(asker), .id(asked), .instant(world.clock.now), .integer(1000)])
                ]
                if accepted { steps.append(Step(.acceptContact, pair + [.id(asked), .instant(world.clock.now)])) }
                _ = try await world.database.commit(WriteUnit(steps))
            }
            let cases: [(String, knows: Bool, (UserID) async throws -> Void)] = [
                ("nothing", false, { _ in }),
                ("ada-wrote", false, { try await world.send(world.draft(.user($0)), from: ada) }),
                ("wrote", true, { try await world.send(world.draft(.user(ada)), from: $0) }),
                (
                    "answered", true,
                    { user in
                        let sent = try await world.send(world.draft(.user(user)), from: ada)
                        try await world.send(world.draft(.conversation(sent.conversation)), from: user)
                    }
                ),
                ("opened", false, { _ = try await service.directConversation(between: $0, and: ada) }),
                ("ada-asked", false, { try await contact($0, askedBy: ada) }),
                ("asked", true, { try await contact($0, askedBy: $0) }),
                ("contact", true, { try await contact($0, askedBy: ada, accepted: true) }),
                (
                    "blocker", true,
                    { user in
                        try await world.send(world.draft(.user(ada)), from: user)
                        try await world.block(user, ada)
                    }
                ),
                ("wrote-elsewhere", false, { try await world.send(world.draft(.user(world.user("zoe"))), from: $0) }),
            ]
            for (name, knows, happens) in cases {
                let user = try await world.user(name)
                try await happens(user)
                let made = try await service.makeGroup(draft(world, [user], name), by: ada)
                #expect(made.role(of: user) == (knows ? .member : nil), "\(name)")
                #expect(made.invited.map(\.id) == (knows ? [] : [user]), "\(name)")
                let grown = try await service.makeGroup(draft(world, []), by: ada).id
                let after = try await service.addMembers([user], to: grown, by: ada)
                #expect(after.role(of: user) == (knows ? .member : nil), "\(name)")
                #expect(after.invited.map(\.id) == (knows ? [] : [user]), "\(name)")
            }
        }
    }

    /// The inviter sees the same, whatever the invited user does.
    @Test(arguments: DatabaseEngine.tested) func theInviterCannotTell(engine: DatabaseEngine) async throws {
        try await MessagingWorld.with(engine) { world in
            let service = world.service
            let (ada, eve) = (try await world.user("ada"), try await world.user("eve"))
            let (ben, zoe) = (try await world.user("ben"), try await world.user("zoe"))
            try await world.block(eve, ada)
            let group = try await service.makeGroup(draft(world, [eve, ben, zoe]), by: ada).id
            #expect(try await names(world, eve).isEmpty)
            #expect(world.record.invitations.sorted() == [ben, zoe].sorted())
            await expect(.notFound) { _ = try await service.acceptInvitation(into: group, by: eve) }
            await expect(.notFound) { try await service.declineInvitation(into: group, by: eve) }
            // It was never shown to her, and ending the block later does not change that.
            try await world.block(eve, ada, ends: true)
            #expect(try await names(world, eve).isEmpty)

            // A later block hides it as well.
            #expect(try await names(world, ben) == ["Band"])
            try await world.block(ben, ada)
            #expect(try await names(world, ben).isEmpty)
            await expect(.notFound) { _ = try await service.acceptInvitation(into: group, by: ben) }

            try await service.declineInvitation(into: group, by: zoe)
            await expect(.notFound) { try await service.declineInvitation(into: group, by: zoe) }
            await expect(.notFound) { _ = try await service.acceptInvitation(into: group, by: zoe) }
            #expect(try await names(world, zoe).isEmpty)
            let seen = try await service.conversation(group, for: ada)
            #expect(seen.invited.map(\.id) == [ben, eve, zoe].sorted())
            #expect(seen.members.map(\.id) == [ada])
        }
    }

    @Test(arguments: DatabaseEngine.tested) func whoWasDeclinedHasToWait(engine: DatabaseEngine) async throws {
        try await MessagingWorld.with(engine) { world in
            let service = world.service
            let (ada, eve, ben) = (
                try await world.user("ada"), try await world.user("eve"), try await world.user("ben")
            )
            let group = try await service.makeGroup(draft(world, [eve]), by: ada).id
            try await service.declineInvitation(into: group, by: eve)
            // Not by repeating it, nor after withdrawing it, nor into another group.
            _ = try await service.addMembers([eve], to: group, by: ada)
            #expect(try await names(world, eve).isEmpty)
            try await service.removeMember(eve, from: group, by: ada)
            #expect(try await service.conversation(group, for: ada).invited.isEmpty)
            _ = try await service.addMembers([eve], to: group, by: ada)
            #expect(try await service.makeGroup(draft(world, [eve], "Other"), by: ada).invited.map(\.id) == [eve])
            #expect(try await names(world, eve).isEmpty)
            #expect(world.record.invitations == [eve])
            // Another inviter was not declined.
            _ = try await service.makeGroup(draft(world, [eve], "Ben's"), by: ben)
            #expect(try await names(world, eve) == ["Ben's"])
            world.clock.advance(.seconds(7 * 86_400 + 1))
            _ = try await service.addMembers([eve], to: group, by: ada)
            #expect(try await names(world, eve) == ["Band", "Ben's"])
        }
    }

    @Test(arguments: DatabaseEngine.tested) func nobodyIsFloodedWithInvitations(engine: DatabaseEngine) async throws {
        try await MessagingWorld.with(engine) { world in
            let service = world.service
            let eve = try await world.user("eve")
            for number in 0..<22 {
                let inviter = try await world.user("inviter\(number)")
                for group in 0..<7 {
                    world.clock.advance(.seconds(1))
                    let made = try await service.makeGroup(draft(world, [eve], "\(number).\(group)"), by: inviter)
                    // All look alike to the inviter.
                    #expect(made.invited.map(\.id) == [eve])
                }
            }
            var (seen, cursor): ([String], PageCursor<Named.Conversation>?) = ([], nil)
            repeat {
                let page = try await service.invitations(of: eve, before: cursor, limit: 30)
                seen += page.invitations.map(\.name)
                cursor = page.next
            } while cursor != nil
            #expect(seen == (0..<20).flatMap { number in (0..<5).map { "\(number).\($0)" } }.reversed())
            #expect(world.record.invitations.count == 100)
            #expect(try await service.conversations(of: eve).conversations.isEmpty)
        }
    }

    @Test(arguments: DatabaseEngine.tested) func invitationsAreTakenBack(engine: DatabaseEngine) async throws {
        try await MessagingWorld.with(engine) { world in
            let service = world.service
            let people = try await world.friends("ada", "ben")
            let (ada, ben, eve) = (people[0], people[1], try await world.user("eve"))
            let group = try await service.makeGroup(draft(world, [ben, eve]), by: ada).id
            await expect(.notFound) { try await service.removeMember(eve, from: group, by: ben) }
            _ = try await service.changeRole(of: ben, to: .admin, in: group, by: ada)
            try await service.removeMember(eve, from: group, by: ben)
            await expect(.notFound) { try await service.removeMember(eve, from: group, by: ben) }
            #expect(try await names(world, eve).isEmpty)
            await expect(.notFound) { _ = try await service.acceptInvitation(into: group, by: eve) }
            // Somebody whom she knows can add her, and then there is no invitation left.
            _ = try await service.addMembers([eve], to: group, by: ada)
            try await world.know(eve, [ben])
            #expect(try await service.addMembers([eve], to: group, by: ben).invited.isEmpty)
            #expect(try await names(world, eve).isEmpty)
            // A removed user is invited again, if they do not know the one who adds.
            try await service.removeMember(eve, from: group, by: ada)
            #expect(try await service.addMembers([eve], to: group, by: ada).invited.map(\.id) == [eve])
            #expect(try await service.acceptInvitation(into: group, by: eve).role(of: eve) == .member)
            await expect(.notFound) { try await service.declineInvitation(into: group, by: eve) }
        }
    }

    @Test(arguments: DatabaseEngine.tested) func aFullGroupTakesNobody(engine: DatabaseEngine) async throws {
        try await MessagingWorld.withTwo(engine) { world, other in
            let ada = try await world.user("ada")
            var people: [UserID] = []
            for number in 0..<100 { people.append(try await world.user("user\(number)")) }
            let group = try await world.service.makeGroup(draft(world, Array(people[..<99])), by: ada).id
            await expect(.invalid(.memberIDs)) {
                _ = try await world.service.addMembers([people[99]], to: group, by: ada)
            }
            // This version never makes a group into which more are invited than it has room for.
            let step = Step(
                Statement(
                    "test_invite",
                    """
                    INSERT INTO group_invitations (conversation_id, user_id, inviter_id, hidden, created_at)
                    VALUES ($1, $2, $3, FALSE, $4)
                    """), [.id(group), .id(people[99]), .id(ada), .instant(world.clock.now)])
            _ = try await world.database.commit(WriteUnit([step]))
            let refused = await withTaskGroup(of: Bool.self) { tasks in
                for (index, user) in people.enumerated() {
                    let service = (index % 2 == 0 ? world : other).service
                    tasks.addTask { (try? await service.acceptInvitation(into: group, by: user)) == nil }
                }
                return await tasks.reduce(into: 0) { $0 += $1 ? 1 : 0 }
            }
            #expect(refused == 1)
            #expect(try await world.service.conversation(group, for: ada).members.count == 100)
            let last = try #require(try await world.service.conversation(group, for: ada).invited.first)
            await expect(.conflict) { _ = try await world.service.acceptInvitation(into: group, by: last.id) }
        }
    }

    @Test(arguments: DatabaseEngine.tested) func whoAcceptsIntoAnEmptyGroupOwnsIt(engine: DatabaseEngine) async throws {
        try await MessagingWorld.with(engine) { world in
            let (ada, eve) = (try await world.user("ada"), try await world.user("eve"))
            let group = try await world.service.makeGroup(draft(world, [eve]), by: ada).id
            try await world.service.removeMember(ada, from: group, by: ada)
            #expect(try await world.service.acceptInvitation(into: group, by: eve).role(of: eve) == .owner)
        }
    }
}
