import NIOConcurrencyHelpers
import Primitives
import SignalingCore
import Storage
import TestDatabases
import Testing

@testable import SignalingService

/// What happens to calls when the database is away, or when the outcome of a commit is unknown.
@Suite("The database is away", .timeLimit(.minutes(1)), .serialized)
struct OutageTests {
    typealias World = CallWorld

    /// Runs a test on a database that can be made to fail.
    private func withFaults(
        _ engine: DatabaseEngine, _ body: (CallWorld, FaultyDatabase) async throws -> Void
    ) async throws {
        try await World.run(engine) { world in
            let faulty = FaultyDatabase(world.database)
            let next = World(faulty)
            try await next.service.start()
            try await body(next, faulty)
            #expect(faulty.isSpent)
        }
    }

    @Test(
        "A command fails as unavailable, changes nothing, and works when it is repeated",
        arguments: DatabaseEngine.tested)
    func unavailable(_ engine: DatabaseEngine) async throws {
        try await withFaults(engine) { world, faulty in
            let placed = try await world.invite().call
            faulty.fail(.before(.unavailable))
            #expect(await world.accept(placed.id, from: World.calleePhone).isUnavailable)
            #expect(try await world.stored(placed.id)?.phase == .initiated)
            #expect(!world.events.entries.contains { $0.call.answeredAt != nil })
            #expect(try await world.accept(placed.id, from: World.calleePhone).call.answeredAt != nil)
        }
    }

    @Test("An invite that was not committed leaves nothing behind", arguments: DatabaseEngine.tested)
    func unavailableInvite(_ engine: DatabaseEngine) async throws {
        try await withFaults(engine) { world, faulty in
            let name = RequestID.random(at: .start)
            _ = try await world.invite(World.stranger).call
            faulty.fail(.before(.unavailable), .before(.unavailable))
            #expect(await world.invite(as: name).isUnavailable)
            #expect(await world.invite(as: name).isUnavailable)
            #expect(try await world.invite(as: name).call.phase == .initiated)
            #expect(world.service.metrics.open.value == 2)
        }
    }

    @Test("A commit of unknown outcome was carried out: everybody is told", arguments: DatabaseEngine.tested)
    func carriedOut(_ engine: DatabaseEngine) async throws {
        try await withFaults(engine) { world, faulty in
            let placed = try await world.invite().call
            faulty.fail(.after(.outcomeUnknown))
            #expect(await world.accept(placed.id, from: World.calleePhone).isUnavailable)
            _ = try await world.events.first { $0.event == .updated && $0.address == .user(World.caller.id) }
            _ = try await world.events.first { $0.event == .updated && $0.address == .user(World.callee.id) }
            let again = try await world.accept(placed.id, from: World.calleePhone).call
            #expect(again.answeredAt != nil)
            #expect(try await world.stored(placed.id)?.phase == again.phase)
        }
    }

    @Test("A commit of unknown outcome was not carried out: the call is unchanged", arguments: DatabaseEngine.tested)
    func notCarriedOut(_ engine: DatabaseEngine) async throws {
        try await withFaults(engine) { world, faulty in
            let placed = try await world.invite().call
            faulty.fail(.before(.outcomeUnknown))
            #expect(await world.accept(placed.id, from: World.calleePhone).isUnavailable)
            let fetched = try await world.send(.fetch, to: placed.id, from: World.callerPhone).call
            #expect(fetched.phase == .initiated)
            #expect(try await world.accept(placed.id, from: World.calleePhone).call.answeredAt != nil)
        }
    }

    @Test("An invite of unknown outcome, repeated, is one call", arguments: DatabaseEngine.tested, [true, false])
    func unknownInvite(_ engine: DatabaseEngine, _ isCarriedOut: Bool) async throws {
        try await withFaults(engine) { world, faulty in
            // The conversation is created first, so that the fault hits the call.
            let first = try await world.invite().call
            _ = try await world.send(.cancel(.random(at: world.now)), to: first.id, from: World.callerPhone).call
            let name = RequestID.random(at: .start)
            faulty.fail(.before(.unavailable), isCarriedOut ? .after(.outcomeUnknown) : .before(.outcomeUnknown))
            #expect(await world.invite(as: name).isUnavailable)
            #expect(await world.invite(as: name).isUnavailable)
            let placed = try await world.invite(as: name).call
            #expect(try await world.invite(as: name).call.id == placed.id)
            #expect(try await world.service.history(of: World.callee.id, before: nil, limit: 9).calls.count == 2)
        }
    }

    @Test(
        "A deadline that passes during an outage is carried out after it, with its own time",
        arguments: DatabaseEngine.tested)
    func deadline(_ engine: DatabaseEngine) async throws {
        try await withFaults(engine) { world, faulty in
            let placed = try await world.invite().call
            faulty.fail(.before(.unavailable), .before(.unavailable))
            await world.wait(.seconds(46))
            try await world.wait(
                .milliseconds(500), while: { !faulty.isSpent || world.service.metrics.failedCommits.value < 2 })
            try await world.wait(
                .milliseconds(500), while: { !world.events.entries.contains(where: { $0.call.isEnded }) })
            #expect(try await world.stored(placed.id)?.phase == .missed(endedAt: placed.ringExpiresAt, .noAnswer))
        }
    }

    @Test(
        "Devices that come and go while a deadline can't be written are not forgotten",
        arguments: DatabaseEngine.tested)
    func devices(_ engine: DatabaseEngine) async throws {
        try await withFaults(engine) { world, faulty in
            let placed = try await world.invite(World.wholeGroup).call
            _ = try await world.accept(placed.id, from: World.calleePhone).call
            await world.wait(.seconds(25))
            world.service.deviceLost(World.callerPhone)
            faulty.setAway(true)
            // The member's ring is over, but can't be written.
            await world.wait(.seconds(21))
            world.devices.withLockedValue { _ = $0[World.callee.id]?.remove(World.calleePhone.device) }
            world.service.deviceLost(World.calleePhone)
            _ = await world.openCalls(of: World.callerPhone)
            try await world.wait(.milliseconds(0), while: { world.service.metrics.failedCommits.value < 3 })
            faulty.setAway(false)
            await world.wait(.milliseconds(500))
            // The caller's return is sent first, so this comes with the next update.
            let isLost = { (entry: EventLog.Entry) in
                let callee = entry.call.participant(World.callee.id)?.connection
                return callee.map { $0.reachability != .reachable } ?? false
            }
            try await world.wait(.milliseconds(10), while: { !world.events.entries.contains(where: isLost) })
            await world.wait(.seconds(31))
            _ = try await world.events.first {
                if case .left = $0.call.participant(World.callee.id)?.state { true } else { false }
            }
            let stored = try #require(try await world.stored(placed.id))
            #expect(stored.participant(World.member.id)?.isRinging == false)
            #expect(stored.participant(World.caller.id)?.isConnected == true)
        }
    }
}
