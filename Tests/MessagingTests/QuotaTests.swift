import Messaging
import Primitives
import Storage
import TestDatabases
import Testing

/// What one user may store in a day.
@Suite(.serialized, .timeLimit(.minutes(1))) struct QuotaTests {
    private static func limits(_ change: (inout QuotaLimits) -> Void) -> QuotaLimits {
        var limits = QuotaLimits()
        change(&limits)
        return limits
    }

    private func draft(_ world: MessagingWorld, _ members: [UserID] = []) -> GroupDraft {
        GroupDraft(clientConversationID: .random(at: world.clock.now), name: "Band", members: members)
    }

    /// Expects that a day's quota is used up, and when it is renewed.
    private func expectUsedUp(_ world: MessagingWorld, _ body: () async throws -> Void) async throws {
        let day = 86_400_000_000 as Int64
        let untilTomorrow = Instant.Span(microseconds: day - world.clock.now.microseconds % day)
        await expect(.rateLimited(retryAfter: untilTomorrow), body)
    }

    @Test(arguments: DatabaseEngine.tested) func messagesOfADayAreCounted(engine: DatabaseEngine) async throws {
        try await MessagingWorld.with(engine, quotas: Self.limits { $0.messages = 5 }) { world in
            let (ada, ben) = (try await world.user("ada"), try await world.user("ben"))
            let first = world.draft(.user(ben))
            for number in 0..<5 { try await world.send(number == 0 ? first : world.draft(.user(ben)), from: ada) }
            try await expectUsedUp(world) { try await world.send(world.draft(.user(ben)), from: ada) }
            // A stored message is still answered, even by a restarted server.
            let stored = try await world.send(first, from: ada)
            let restarted = MessagingWorld(
                world.database, clock: world.clock, quotas: Self.limits { $0.messages = 5 })
            #expect(try await restarted.send(first, from: ada) == stored)
            try await expectUsedUp(world) { try await restarted.send(restarted.draft(.user(ben)), from: ada) }
            try await world.send(world.draft(.user(ada)), from: ben)
            world.clock.advance(.seconds(86_400))
            for _ in 0..<5 { try await world.send(world.draft(.user(ben)), from: ada) }
            try await expectUsedUp(world) { try await world.send(world.draft(.user(ben)), from: ada) }
        }
    }

    @Test(arguments: DatabaseEngine.tested) func bytesOfADayAreCounted(engine: DatabaseEngine) async throws {
        try await MessagingWorld.with(engine, quotas: Self.limits { $0.messageBytes = 1000 }) { world in
            let (ada, ben) = (try await world.user("ada"), try await world.user("ben"))
            let long = String(repeating: "é", count: 150)
            for _ in 0..<3 { try await world.send(world.draft(.user(ben), long), from: ada) }
            try await expectUsedUp(world) { try await world.send(world.draft(.user(ben), long), from: ada) }
            try await world.send(world.draft(.user(ada), long), from: ben)
        }
    }

    /// Only what is stored counts.
    @Test(arguments: DatabaseEngine.tested) func whatIsNotStoredIsFree(engine: DatabaseEngine) async throws {
        try await MessagingWorld.with(engine, quotas: Self.limits { $0.messages = 3 }) { world in
            let (ada, ben) = (try await world.user("ada"), try await world.user("ben"))
            let same = world.draft(.user(ben))
            for _ in 0..<10 { try await world.send(same, from: ada) }
            for _ in 0..<10 {
                await expect(.notFound) {
                    try await world.send(world.draft(.conversation(.random(at: world.clock.now))), from: ada)
                }
                await expect(.tooLarge) {
                    try await world.send(world.draft(.user(ben), String(repeating: "x", count: 16_385)), from: ada)
                }
            }
            for _ in 0..<2 { try await world.send(world.draft(.user(ben)), from: ada) }
            try await expectUsedUp(world) { try await world.send(world.draft(.user(ben)), from: ada) }
        }
    }

    @Test(arguments: DatabaseEngine.tested) func groupsOfADayAreCounted(engine: DatabaseEngine) async throws {
        let limits = Self.limits { $0.groups = 3 }
        try await MessagingWorld.with(engine, quotas: limits) { world in
            let ada = try await world.user("ada")
            let first = draft(world)
            for number in 0..<3 { _ = try await world.service.makeGroup(number == 0 ? first : draft(world), by: ada) }
            let restarted = MessagingWorld(world.database, clock: world.clock, quotas: limits)
            for world in [world, restarted] {
                try await expectUsedUp(world) { _ = try await world.service.makeGroup(draft(world), by: ada) }
                _ = try await world.service.makeGroup(first, by: ada)
            }
            world.clock.advance(.seconds(86_400))
            _ = try await world.service.makeGroup(draft(world), by: ada)
        }
    }

    @Test(arguments: DatabaseEngine.tested) func invitationsOfADayAreCounted(engine: DatabaseEngine) async throws {
        let limits = Self.limits { $0.invitations = 5 }
        try await MessagingWorld.with(engine, quotas: limits) { world in
            let ada = try await world.user("ada")
            var strangers: [UserID] = []
            for number in 0..<7 { strangers.append(try await world.user("user\(number)")) }
            let friend = try await world.friends("ben")[0]
            try await world.know(friend, [ada])
            let group = try await world.service.makeGroup(draft(world, Array(strangers[..<3])), by: ada).id
            let restarted = MessagingWorld(world.database, clock: world.clock, quotas: limits)
            try await expectUsedUp(world) {
                _ = try await restarted.service.addMembers(Array(strangers[3...5]), to: group, by: ada)
            }
            #expect(try await world.service.conversation(group, for: ada).invited.count == 3)
            _ = try await restarted.service.addMembers(Array(strangers[3...4]), to: group, by: ada)
            try await expectUsedUp(world) {
                _ = try await world.service.makeGroup(draft(world, [strangers[5]]), by: ada)
            }
            // A user who knows the inviter is added, not invited.
            _ = try await world.service.addMembers([friend], to: group, by: ada)
        }
    }

    /// Each change of a group leaves a message, so it counts as one; leaving is always possible.
    @Test(arguments: DatabaseEngine.tested) func changesOfGroupsAreCounted(engine: DatabaseEngine) async throws {
        try await MessagingWorld.with(engine, quotas: Self.limits { $0.messages = 2 }) { world in
            let people = try await world.friends("ada", "ben", "eve")
            let (ada, ben, eve) = (people[0], people[1], people[2])
            let group = try await world.service.makeGroup(draft(world, [ben]), by: ada).id
            _ = try await world.service.addMembers([eve], to: group, by: ada)
            _ = try await world.service.changeRole(of: eve, to: .admin, in: group, by: ada)
            try await expectUsedUp(world) {
                _ = try await world.service.changeRole(of: ben, to: .admin, in: group, by: ada)
            }
            try await expectUsedUp(world) { try await world.service.removeMember(ben, from: group, by: ada) }
            try await world.service.removeMember(ada, from: group, by: ada)
        }
    }
}
