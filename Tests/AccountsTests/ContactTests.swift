import Primitives
import Storage
import TestDatabases
import Testing

@testable import Accounts

@Suite(.serialized, .timeLimit(.minutes(1))) struct ContactTests {
    private func statuses(_ world: AccountsWorld, of user: UserID) async throws -> [Contact.Status] {
        try await world.service.contacts(of: user).items.map(\.status)
    }

    @Test(arguments: DatabaseEngine.tested) func areAskedForAndAgreedTo(engine: DatabaseEngine) async throws {
        try await AccountsWorld.with(engine) { world in
            let service = world.service
            let ann = try await CallPolicyTests.addUser("ann", to: world)
            let bob = try await CallPolicyTests.addUser("bob", to: world)
            for _ in 0..<2 {
                #expect(try await service.requestContact(with: bob, by: ann).status == .requested)
                #expect(try await statuses(world, of: ann) == [.requested])
                #expect(try await statuses(world, of: bob) == [.received])
            }
            await expect(.notFound) { try await service.acceptContact(with: bob, by: ann) }
            // To its sender a rejected request looks as before, however often it is sent.
            for _ in 0..<2 { try await service.rejectContact(with: ann, by: bob) }
            #expect(try await service.requestContact(with: bob, by: ann).status == .requested)
            #expect(try await statuses(world, of: ann) == [.requested])
            #expect(try await statuses(world, of: bob) == [])
            #expect(try await service.requestContact(with: ann, by: bob).status == .accepted)
            for _ in 0..<2 { try await service.acceptContact(with: ann, by: bob) }
            #expect(try await statuses(world, of: ann) == [.accepted])
            for _ in 0..<2 { try await service.removeContact(with: ann, by: bob) }
            #expect(try await statuses(world, of: ann) == [])
            #expect(try await statuses(world, of: bob) == [])
            // Removing a received request rejects it, of which its sender is not told.
            _ = try await service.requestContact(with: bob, by: ann)
            try await service.removeContact(with: ann, by: bob)
            #expect(try await statuses(world, of: ann) == [.requested])
            #expect(try await statuses(world, of: bob) == [])
            await expect(.invalid(.userID)) { _ = try await service.requestContact(with: ann, by: ann) }
            await expect(.notFound) {
                _ = try await service.requestContact(with: .random(at: world.clock.now), by: ann)
            }
        }
    }

    /// Nobody learns that they are blocked.
    @Test(arguments: DatabaseEngine.tested) func looksTheSameToTheBlocked(engine: DatabaseEngine) async throws {
        try await AccountsWorld.with(engine) { world in
            let service = world.service
            let ann = try await CallPolicyTests.addUser("ann", to: world)
            let bob = try await CallPolicyTests.addUser("bob", to: world)
            for _ in 0..<2 { try await service.block(ann, by: bob) }
            #expect(try await service.blocks(of: bob).items.map(\.id) == [ann])
            #expect(try await service.requestContact(with: bob, by: ann).status == .requested)
            #expect(try await statuses(world, of: ann) == [.requested])
            #expect(try await statuses(world, of: bob) == [])
            await expect(.conflict) { _ = try await service.requestContact(with: ann, by: bob) }
            #expect(try await service.search(query: "bob", by: ann).map(\.id) == [bob])
            for _ in 0..<2 { try await service.unblock(ann, by: bob) }
            // What was sent during the block never arrives.
            #expect(try await statuses(world, of: bob) == [])
            await expect(.notFound) { try await service.acceptContact(with: ann, by: bob) }
            await expect(.notFound) { try await service.rejectContact(with: ann, by: bob) }
            #expect(try await service.requestContact(with: ann, by: bob).status == .accepted)
            // A contact stays one through a block.
            try await service.block(ann, by: bob)
            #expect(try await statuses(world, of: ann) == [.accepted])
            #expect(try await statuses(world, of: bob) == [])
            try await service.unblock(ann, by: bob)
            #expect(try await statuses(world, of: bob) == [.accepted])
            // The block withdraws one's own open request.
            try await service.removeContact(with: ann, by: bob)
            _ = try await service.requestContact(with: ann, by: bob)
            try await service.block(ann, by: bob)
            #expect(try await statuses(world, of: ann) == [])
            // An id that does not exist is answered like any other.
            try await service.block(.random(at: world.clock.now), by: ann)
            #expect(try await service.blocks(of: ann).items.isEmpty)
            await expect(.invalid(.userID)) { try await service.block(ann, by: ann) }
        }
    }

    /// A user whom one has blocked cannot accept an earlier request.
    @Test(arguments: DatabaseEngine.tested) func areNotMadeOfOldRequestsDuringABlock(engine: DatabaseEngine)
        async throws
    {
        try await AccountsWorld.with(engine) { world in
            let service = world.service
            let ann = try await CallPolicyTests.addUser("ann", to: world)
            let bob = try await CallPolicyTests.addUser("bob", to: world)
            // One request is rejected, and Bob never learned of the other.
            _ = try await service.requestContact(with: bob, by: ann)
            try await service.rejectContact(with: ann, by: bob)
            try await service.block(bob, by: ann)
            await expect(.notFound) { try await service.acceptContact(with: ann, by: bob) }
            try await service.unblock(bob, by: ann)
            try await service.block(ann, by: bob)
            _ = try await service.requestContact(with: bob, by: ann)
            try await service.unblock(ann, by: bob)
            try await service.block(bob, by: ann)
            #expect(try await service.requestContact(with: ann, by: bob).status == .requested)
            try await service.unblock(bob, by: ann)
            #expect(try await statuses(world, of: ann) == [])
        }
    }

    @Test(arguments: DatabaseEngine.tested) func comeInPagesAndNotInFloods(engine: DatabaseEngine) async throws {
        try await AccountsWorld.with(engine) { world in
            let service = world.service
            let ann = try await CallPolicyTests.addUser("ann", to: world)
            var others: [UserID] = []
            for number in 0..<AccountService.contactRequestsPerHour {
                let other = try await CallPolicyTests.addUser("user\(number)", to: world)
                others.append(other)
                _ = try await service.requestContact(with: other, by: ann)
                try await service.block(other, by: ann)
                try await service.unblock(other, by: ann)
            }
            do throws(AccountError) {
                _ = try await service.requestContact(with: others[0], by: ann)
                Issue.record("there is no limit")
            } catch {
                guard case .rateLimited = error.code else { throw error }
            }
            #expect(others.count == 60)
            // Each block has withdrawn a request, so the others ask for these again.
            for other in others { _ = try await service.requestContact(with: ann, by: other) }
            var seen: [UserID] = []
            var after: UserID?
            repeat {
                let page = try await service.contacts(of: ann, after: after, limit: 25)
                #expect(page.items.count <= 25)
                seen += page.items.map(\.profile.id)
                after = page.next
            } while after != nil
            #expect(seen == others.sorted())
        }
    }
}
