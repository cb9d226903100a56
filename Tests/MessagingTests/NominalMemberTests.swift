import Messaging
import Primitives
import Storage
import TestDatabases
import Testing

/// The user who adds somebody to a group cannot tell whether that one has blocked them, and nobody else in the group
/// can.
@Suite(.serialized, .timeLimit(.minutes(1))) struct NominalMemberTests {
    /// Ada has eve in her groups, who knows her; ben is a friend of both, zoe knows none of them.
    private struct Stage: Sendable {
        let world: MessagingWorld
        let ada: UserID
        let ben: UserID
        let eve: UserID
        let zoe: UserID
        let crowd: [UserID]

        init(_ world: MessagingWorld, isBlocked: Bool, crowd count: Int = 0) async throws {
            self.world = world
            let people = try await world.friends("ada", "ben", "eve")
            (ada, ben, eve, zoe) = (people[0], people[1], people[2], try await world.user("zoe"))
            var crowd: [UserID] = []
            for number in 0..<count { crowd.append(try await world.user("user\(number)")) }
            self.crowd = crowd
            if isBlocked { try await world.block(eve, ada) }
        }

        func group(_ members: [UserID], _ name: String = "Band") async throws -> ConversationID {
            let draft = GroupDraft(
                clientConversationID: .random(at: world.clock.now), name: name, members: members)
            return try await world.service.makeGroup(draft, by: ada).id
        }

        @discardableResult
        func add(_ users: [UserID], to group: ConversationID, by actor: UserID? = nil) async throws -> String {
            world.clock.advance(.seconds(1))
            return show(try await world.service.addMembers(users, to: group, by: actor ?? ada))
        }

        /// The content of an answer, without the world's own ids.
        func show(_ conversation: Conversation) -> String {
            let members = zip(conversation.members, conversation.roles).map { "\($0.displayName) \($1)" }.sorted()
            let invited = conversation.invited.map(\.displayName).sorted()
            let newest = conversation.lastMessage?.body.exposed ?? "-"
            return "\(conversation.name ?? "") \(members) \(invited) \(conversation.lastSeq) \(newest)"
        }

        /// What a user sees of groups when asking for everything.
        func answers(to user: UserID, about group: ConversationID) async -> [String] {
            let service = world.service
            let questions: [(String, () async throws -> String)] = [
                ("group", { try show(await service.conversation(group, for: user)) }),
                ("list", { try await service.conversations(of: user).conversations.map(show).description }),
                (
                    "history",
                    {
                        try await service.history(of: group, reader: user).messages.map {
                            "\($0.seq) \($0.body.exposed)"
                        }
                        .description
                    }
                ),
                (
                    "callable",
                    {
                        try await service.callableMembers(of: group, for: user).members.map(\.displayName).sorted()
                            .description
                    }
                ),
                (
                    "invitations",
                    {
                        try await service.invitations(of: user).invitations.map {
                            "\($0.name) \($0.inviter.displayName) \($0.memberCount)"
                        }.description
                    }
                ),
            ]
            var answers: [String] = []
            for (name, ask) in questions { answers.append("\(name): \(await outcome(ask))") }
            return answers
        }

        /// What a user was told.
        func events(of user: UserID) -> [String] {
            world.record.events.compactMap { event in
                switch event {
                case .delivery(let message, to: let told) where told.contains(.user(user)):
                    "\(message.seq) \(message.body.exposed)"
                case .invitation(let invitation, to: user): "\(invitation.name) \(invitation.memberCount)"
                default: nil
                }
            }
        }

        func outcome(_ body: () async throws -> String) async -> String {
            do {
                return try await body()
            } catch {
                return (error as? MessagingError).map { "\($0.code)" } ?? "\(error)"
            }
        }
    }

    private typealias Happening = (name: String, @Sendable (Stage, ConversationID) async throws -> Void)

    /// What may happen to a group with eve in it, in this order.
    private static let happenings: [Happening] = [
        ("nothing", { _, _ in }),
        ("added again", { try await $0.add([$0.eve], to: $1) }),
        ("added again with a stranger", { try await $0.add([$0.eve, $0.zoe], to: $1) }),
        ("a message", { _ = try await $0.world.send($0.world.draft(.conversation($1)), from: $0.ada) }),
        ("made an admin", { _ = try await $0.world.service.changeRole(of: $0.eve, to: .admin, in: $1, by: $0.ada) }),
        ("made one again", { _ = try await $0.world.service.changeRole(of: $0.eve, to: .admin, in: $1, by: $0.ada) }),
        ("made an owner", { _ = try await $0.world.service.changeRole(of: $0.eve, to: .owner, in: $1, by: $0.ada) }),
        ("ben an admin", { _ = try await $0.world.service.changeRole(of: $0.ben, to: .admin, in: $1, by: $0.ada) }),
        ("removed by an admin", { try await $0.world.service.removeMember($0.eve, from: $1, by: $0.ben) }),
        ("made a member", { _ = try await $0.world.service.changeRole(of: $0.eve, to: .member, in: $1, by: $0.ada) }),
        ("too many", { try await $0.add(Array($0.crowd.prefix(97)), to: $1) }),
        ("as many as there is room for", { try await $0.add(Array($0.crowd.prefix(96)), to: $1) }),
        ("one more", { try await $0.add([$0.crowd[96]], to: $1) }),
        ("one accepts", { _ = try await $0.world.service.acceptInvitation(into: $1, by: $0.zoe) }),
        ("removed", { try await $0.world.service.removeMember($0.eve, from: $1, by: $0.ada) }),
        ("removed again", { try await $0.world.service.removeMember($0.eve, from: $1, by: $0.ada) }),
        ("room for one more", { try await $0.add([$0.eve], to: $1) }),
        ("and not for two", { try await $0.add([$0.crowd[96]], to: $1) }),
        ("a friend adds her", { try await $0.add([$0.eve], to: $1, by: $0.ben) }),
        ("removed by a friend", { try await $0.world.service.removeMember($0.eve, from: $1, by: $0.ben) }),
        ("back", { try await $0.add([$0.eve], to: $1, by: $0.ada) }),
        ("the owner leaves", { try await $0.world.service.removeMember($0.ada, from: $1, by: $0.ada) }),
        ("zoe an admin", { _ = try await $0.world.service.changeRole(of: $0.zoe, to: .admin, in: $1, by: $0.ben) }),
        ("a stranger adds her", { try await $0.add([$0.eve], to: $1, by: $0.zoe) }),
    ]

    /// What everybody but eve is answered and told, after each step.
    private static func story(_ engine: DatabaseEngine, isBlocked: Bool, makesWithEve: Bool) async throws -> [String] {
        // A quota that shows what is counted.
        var quotas = QuotaLimits()
        quotas.invitations = 97
        var lines: [String] = []
        try await MessagingWorld.with(engine, quotas: quotas) { world in
            let stage = try await Stage(world, isBlocked: isBlocked, crowd: 97)
            let group = try await stage.group(makesWithEve ? [stage.ben, stage.eve] : [stage.ben])
            if !makesWithEve { try await stage.add([stage.eve], to: group) }
            for (name, happens) in happenings {
                let outcome = await stage.outcome {
                    try await happens(stage, group)
                    return "done"
                }
                lines.append("\(name): \(outcome)")
                for (person, user) in [("ada", stage.ada), ("ben", stage.ben), ("zoe", stage.zoe)] {
                    lines += await stage.answers(to: user, about: group).map { "\(name), \(person): \($0)" }
                    lines.append("\(name), \(person) was told: \(stage.events(of: user))")
                }
            }
            lines.append("\(world.record.events.count { if case .membershipEnded = $0 { true } else { false } })")
        }
        return lines
    }

    @Test(arguments: DatabaseEngine.tested, [true, false])
    func nobodyCanTell(engine: DatabaseEngine, makesWithEve: Bool) async throws {
        let open = try await Self.story(engine, isBlocked: false, makesWithEve: makesWithEve)
        let blocked = try await Self.story(engine, isBlocked: true, makesWithEve: makesWithEve)
        #expect(open.count == blocked.count)
        for (one, other) in zip(open, blocked) { #expect(one == other) }
    }

    /// To the blocker the group does not exist.
    @Test(arguments: DatabaseEngine.tested)
    func theBlockerSeesNoGroup(engine: DatabaseEngine) async throws {
        try await MessagingWorld.with(engine) { world in
            let stage = try await Stage(world, isBlocked: true, crowd: 97)
            let (service, eve) = (world.service, stage.eve)
            let elsewhere = ConversationID.random(at: world.clock.now)
            let nothing = await stage.answers(to: eve, about: elsewhere)
            let group = try await stage.group([stage.ben, eve])
            func check(_ name: String) async {
                #expect(await stage.answers(to: eve, about: group) == nothing, "\(name)")
                #expect(stage.events(of: eve).isEmpty, "\(name)")
                #expect((try? await service.memberIDs(of: group).contains(eve)) == false, "\(name)")
                await expect(.notFound) { try await world.send(world.draft(.conversation(group)), from: eve) }
                await expect(.notFound) { _ = try await service.addMembers([stage.zoe], to: group, by: eve) }
                await expect(.notFound) { try await service.removeMember(eve, from: group, by: eve) }
                await expect(.notFound) { try await service.removeMember(stage.ben, from: group, by: eve) }
                await expect(.notFound) {
                    _ = try await service.changeRole(of: stage.ben, to: .admin, in: group, by: eve)
                }
                await expect(.notFound) { _ = try await service.acceptInvitation(into: group, by: eve) }
                await expect(.notFound) { try await service.declineInvitation(into: group, by: eve) }
            }
            for (name, happens) in Self.happenings.prefix(while: { $0.name != "a friend adds her" }) {
                try? await happens(stage, group)
                await check(name)
            }
        }
    }

    /// Like a welcome ring, a welcome addition reaches a user who was not told of the previous one.
    @Test(arguments: DatabaseEngine.tested)
    func aFriendMakesHerAMember(engine: DatabaseEngine) async throws {
        try await MessagingWorld.with(engine) { world in
            let stage = try await Stage(world, isBlocked: true)
            let (service, ada, ben, eve) = (world.service, stage.ada, stage.ben, stage.eve)
            let group = try await stage.group([ben, eve])
            for user in [ben, eve] { _ = try await service.changeRole(of: user, to: .admin, in: group, by: ada) }
            let before = try await service.conversation(group, for: ada)
            try await stage.add([eve], to: group, by: ben)
            #expect(try await service.conversation(group, for: ada).members == before.members)
            // The newest line tells her, and the role she was given is hers.
            #expect(stage.events(of: eve) == ["3 ADA made EVE an admin."])
            #expect(stage.events(of: ada).count == 3)
            #expect(try await service.conversation(group, for: eve).role(of: eve) == .admin)
            #expect(try await service.conversations(of: eve).conversations.map(\.id) == [group])
            #expect(try await service.memberIDs(of: group) == [ada, ben, eve])
            try await stage.add([stage.zoe], to: group, by: eve)
            // The second time she is a member like everybody.
            let count = world.record.events.count
            try await stage.add([eve], to: group, by: ben)
            #expect(world.record.events.count == count)
            try await service.removeMember(eve, from: group, by: ada)
            #expect(stage.events(of: eve).last == "4 ADA removed EVE.")
        }
    }

    @Test(arguments: DatabaseEngine.tested, [true, false])
    func aStrangerInvitesHer(engine: DatabaseEngine, accepts: Bool) async throws {
        try await MessagingWorld.with(engine) { world in
            let stage = try await Stage(world, isBlocked: true)
            let (service, ada, zoe, eve) = (world.service, stage.ada, stage.zoe, stage.eve)
            try await world.know(zoe, [ada])
            let group = try await stage.group([zoe, eve])
            for user in [zoe, eve] { _ = try await service.changeRole(of: user, to: .admin, in: group, by: ada) }
            let before = try await service.conversation(group, for: ada)
            try await stage.add([eve], to: group, by: zoe)
            #expect(stage.events(of: eve) == ["Band 2"])
            let seen = try #require(try await service.invitations(of: eve).invitations.first)
            #expect(seen.inviter.id == zoe && seen.memberCount == 2)
            #expect(world.record.events.contains(.invitation(seen, to: eve)))
            await expect(.notFound) { _ = try await service.conversation(group, for: eve) }
            // An addition by the one she has blocked does not undo that.
            try await stage.add([eve], to: group, by: ada)
            #expect(try await service.invitations(of: eve).invitations == [seen])
            if accepts {
                #expect(try await service.acceptInvitation(into: group, by: eve).role(of: eve) == .admin)
                try await world.send(world.draft(.conversation(group)), from: eve)
            } else {
                try await service.declineInvitation(into: group, by: eve)
                try await stage.add([eve], to: group, by: zoe)
                #expect(try await service.invitations(of: eve).invitations.isEmpty)
                await expect(.notFound) { _ = try await service.conversation(group, for: eve) }
            }
            let after = try await service.conversation(group, for: ada)
            #expect(after.members == before.members && after.roles == before.roles && after.invited == before.invited)
            #expect(after.lastSeq == before.lastSeq + (accepts ? 1 : 0), "nothing was said about it")
        }
    }

    /// When the block ends, the group that she was not told of becomes an invitation, which she can accept or decline.
    @Test(arguments: DatabaseEngine.tested)
    func theEndOfTheBlockShowsAnInvitation(engine: DatabaseEngine) async throws {
        try await MessagingWorld.with(engine) { world in
            let stage = try await Stage(world, isBlocked: true)
            let (service, ada, ben, eve) = (world.service, stage.ada, stage.ben, stage.eve)
            let (band, choir) = (try await stage.group([ben, eve]), try await stage.group([ben, eve], "Choir"))
            let gone = try await stage.group([ben, eve], "Gone")
            try await service.removeMember(eve, from: gone, by: ada)
            try await world.block(eve, ada, ends: true)
            #expect(try await Set(service.invitations(of: eve).invitations.map(\.name)) == ["Band", "Choir"])
            await expect(.notFound) { _ = try await service.conversation(band, for: eve) }
            #expect(try await service.acceptInvitation(into: band, by: eve).role(of: eve) == .member)
            // Ada adds her, as she would have done without the block.
            try await stage.add([eve], to: choir)
            #expect(try await service.conversation(choir, for: eve).role(of: eve) == .member)
            for group in [band, choir] { #expect(try await service.conversation(group, for: ben).lastSeq == 1) }
            // A later block changes nothing where she is a member.
            try await world.block(eve, ada)
            #expect(try await service.conversation(band, for: eve).members.count == 3)
        }
    }

    @Test(arguments: DatabaseEngine.tested)
    func ownershipGoesToThoseWhoKnowOfIt(engine: DatabaseEngine) async throws {
        try await MessagingWorld.with(engine) { world in
            let stage = try await Stage(world, isBlocked: true)
            let (service, ada, ben, eve) = (world.service, stage.ada, stage.ben, stage.eve)
            let band = try await stage.group([eve])
            try await stage.add([ben], to: band)
            _ = try await service.changeRole(of: eve, to: .admin, in: band, by: ada)
            try await service.removeMember(ada, from: band, by: ada)
            let left = try await service.conversation(band, for: ben)
            #expect(left.role(of: ben) == .owner && left.role(of: eve) == .admin)
            // If nobody else is left, it waits for her.
            let alone = try await stage.group([eve], "Alone")
            try await service.removeMember(ada, from: alone, by: ada)
            await expect(.notFound) { _ = try await service.conversation(alone, for: eve) }
            try await world.block(eve, ada, ends: true)
            #expect(try await service.invitations(of: eve).invitations.first { $0.name == "Alone" }?.memberCount == 0)
            #expect(try await service.acceptInvitation(into: alone, by: eve).role(of: eve) == .owner)
        }
    }

    /// An invitation that looked pending, and then she writes to ada, so that ada could add her except for the block.
    @Test(arguments: DatabaseEngine.tested)
    func whoIsInvitedBecomesAMember(engine: DatabaseEngine) async throws {
        try await MessagingWorld.with(engine) { world in
            let stage = try await Stage(world, isBlocked: false)
            let (service, ada, ben, zoe) = (world.service, stage.ada, stage.ben, stage.zoe)
            try await world.block(zoe, ada)
            let group = try await stage.group([ben, zoe])
            #expect(try await service.conversation(group, for: ada).invited.map(\.id) == [zoe])
            try await world.send(world.draft(.user(ada)), from: zoe)
            try await stage.add([zoe], to: group)
            let grown = try await service.conversation(group, for: ada)
            #expect(grown.role(of: zoe) == .member && grown.invited.isEmpty)
            #expect(grown.lastMessage?.body.exposed == "ADA added ZOE.")
            #expect(try await service.invitations(of: zoe).invitations.isEmpty)
            try await world.block(zoe, ada, ends: true)
            #expect(try await service.invitations(of: zoe).invitations.map(\.name) == ["Band"])
        }
    }

    /// Those whom she has blocked cannot use up her limit of invitations from others.
    @Test(arguments: DatabaseEngine.tested)
    func theBlockedLeaveRoomForOthers(engine: DatabaseEngine) async throws {
        try await MessagingWorld.with(engine) { world in
            let eve = try await world.user("eve")
            let zoe = try await world.user("zoe")
            func group(_ name: String, by creator: UserID) async throws {
                let draft = GroupDraft(
                    clientConversationID: .random(at: world.clock.now), name: name, members: [eve])
                _ = try await world.service.makeGroup(draft, by: creator)
            }
            for number in 0..<21 {
                let pest = try await world.user("pest\(number)")
                try await world.know(eve, [pest])
                try await world.block(eve, pest)
                for _ in 0..<6 { try await group("\(number)", by: pest) }
                #expect(try await world.service.invitations(of: eve).invitations.isEmpty)
                // However many there were, she sees five when the block ends.
                if number == 0 {
                    try await world.block(eve, pest, ends: true)
                    #expect(try await world.service.invitations(of: eve).invitations.count == 5)
                    try await world.block(eve, pest)
                }
            }
            try await group("Choir", by: zoe)
            #expect(try await world.service.invitations(of: eve).invitations.map(\.name) == ["Choir"])
        }
    }
}
