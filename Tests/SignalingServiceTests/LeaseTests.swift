import Logging
import NIOConcurrencyHelpers
import Primitives
import SignalingCore
import Storage
import TestDatabases
import Testing

@testable import SignalingService

/// Several services on one database, each with a clock of its own, represent several servers.
@Suite("A call has one owner at a time", .timeLimit(.minutes(1)), .serialized)
struct LeaseTests {
    typealias World = CallWorld

    static let lease = Instant.Span.seconds(10)
    static let other = NodeID.random(at: .start)

    /// A server that has started.
    private func server(
        _ database: any Database, at seconds: Int64 = 0, as node: NodeID = World.node, lease: Instant.Span = lease
    ) async throws -> World {
        let world = World(database, now: .start + .seconds(seconds), node: node, lease: lease)
        try await world.service.start()
        return world
    }

    private func setClock(_ world: World, _ seconds: Int64) {
        world.clock.withLockedValue { $0 = .start + .seconds(seconds) }
    }

    private func owner(_ world: World, _ call: CallID) async throws -> CallOwner? {
        let archive = CallArchive(database: world.database, rules: CallRules(), logger: .init(label: "test"))
        return try await archive.standing(of: call)?.owner
    }

    @Test("A late writer that lost its lease changes nothing", arguments: DatabaseEngine.tested)
    func lateWriter(_ engine: DatabaseEngine) async throws {
        try await World.withDatabase(engine) { database, _ in
            let late = try await server(database)
            let call = try await late.answeredCall()
            let next = try await server(database, at: 11, as: Self.other)
            #expect(try await owner(next, call.id) == CallOwner(node: Self.other, epoch: 2))
            // Its clock stood still as it did: it still believes that it has the lease.
            #expect(await late.hangUp(call.id, from: World.callerPhone).isUnavailable)
            #expect(try await next.stored(call.id)?.isEnded == false)
            #expect(late.service.metrics.letGo.value == 1)
            #expect(late.service.metrics.open.value == 0)
            #expect(try await next.hangUp(call.id, from: World.callerPhone).call.endReason == .hangup)
        }
    }

    @Test(
        "Another node's call is left alone while its lease lasts, by clocks that differ by seconds",
        arguments: DatabaseEngine.tested)
    func leftAlone(_ engine: DatabaseEngine) async throws {
        try await World.withDatabase(engine) { database, _ in
            let first = try await server(database)
            let call = try await first.answeredCall()
            let fast = try await server(database, at: 5, as: Self.other)
            for seconds in stride(from: Int64(3), to: 30, by: 3) {
                setClock(first, seconds)
                await first.service.renewLease()
                setClock(fast, seconds + 5)
                await fast.service.renewLease()
            }
            #expect(fast.service.metrics.adopted.value == 0)
            #expect(await fast.hangUp(call.id, from: World.callerPhone).isUnavailable)
            #expect(await fast.invite(World.caller, from: World.calleePhone).isUnavailable)
            #expect(try await first.hangUp(call.id, from: World.callerPhone).call.isEnded)
        }
    }

    @Test("Of two nodes that take over at once, only one gets each call", arguments: DatabaseEngine.tested)
    func race(_ engine: DatabaseEngine) async throws {
        try await World.withDatabase(engine) { database, place in
            let gone = try await server(database)
            let calls = [
                try await gone.invite().call, try await gone.invite(World.stranger).call,
                try await gone.invite(World.stranger, from: World.calleePhone).call,
            ]
            let (one, two) = (try place.open(), try place.open())
            async let first = server(one, at: 11, as: Self.other)
            async let second = server(two, at: 11, as: .random(at: .start))
            let worlds = [try await first, try await second]
            #expect(worlds.map(\.service.metrics.adopted.value).reduce(0, +) == calls.count)
            for call in calls {
                var takers = 0
                for world in worlds {
                    if case .done = await world.send(.fetch, to: call.id, from: origin(in: call)) { takers += 1 }
                }
                #expect(takers == 1)
            }
            for world in worlds { await world.service.stop() }
            await one.close()
            await two.close()
        }
    }

    private func origin(in call: Call) -> CallOrigin {
        call.initiator == World.caller.id ? World.callerPhone : World.calleePhone
    }

    @Test(
        "The database was away for longer than the lease, and nobody took the calls", arguments: DatabaseEngine.tested)
    func outage(_ engine: DatabaseEngine) async throws {
        try await World.withDatabase(engine) { database, _ in
            let faulty = FaultyDatabase(database)
            let world = try await server(faulty)
            let call = try await world.answeredCall()
            faulty.setAway(true)
            setClock(world, 11)
            await world.service.renewLease()
            #expect(world.service.metrics.failedRenewals.value == 1)
            #expect(world.service.metrics.leaseHeld.value == 0)
            faulty.setAway(false)
            // Until the lease is renewed it may be another node's.
            #expect(await world.send(.fetch, to: call.id, from: World.callerPhone).isUnavailable)
            #expect(await world.invite(World.stranger).isUnavailable)
            await world.service.renewLease()
            #expect(world.service.metrics.leaseHeld.value == 1)
            #expect(try await owner(world, call.id) == CallOwner(node: World.node, epoch: 1))
            #expect(try await world.hangUp(call.id, from: World.callerPhone).call.isEnded)
            #expect(world.service.metrics.letGo.value == 0)
        }
    }

    @Test("A deadline that comes while the lease has expired is carried out when it returns, at its own time")
    func overdue() async throws {
        try await World.withDatabase(.sqlite) { database, _ in
            let faulty = FaultyDatabase(database)
            let world = try await server(faulty)
            let call = try await world.invite().call
            faulty.setAway(true)
            await world.wait(.seconds(60))
            faulty.setAway(false)
            await world.service.renewLease()
            _ = try await world.events.first { $0.call.isEnded }
            #expect(try await world.stored(call.id)?.phase == .missed(endedAt: call.ringExpiresAt, .noAnswer))
        }
    }

    @Test(
        "The database was away for longer than the lease, and another node took the calls",
        arguments: DatabaseEngine.tested)
    func takenMeanwhile(_ engine: DatabaseEngine) async throws {
        try await World.withDatabase(engine) { database, _ in
            let faulty = FaultyDatabase(database)
            let world = try await server(faulty)
            let call = try await world.invite().call
            // The outcome of the answer's commit is unknown; it is not on disk, but another node's change has its
            // revision.
            faulty.fail(.before(.outcomeUnknown))
            faulty.setAway(true)
            let accept = CallCommand.accept(.random(at: .start), MediaState())
            #expect(await world.send(accept, to: call.id, from: World.calleePhone).isUnavailable)
            setClock(world, 11)
            let next = try await server(database, at: 11, as: Self.other)
            #expect(next.service.metrics.adopted.value == 1)
            let decline = CallCommand.decline(.random(at: .start), isBusy: false, reachable: [])
            #expect(try await next.send(decline, to: call.id, from: World.calleePhone).call.isEnded)
            faulty.setAway(false)
            await world.service.renewLease()
            try await world.wait(.milliseconds(500), while: { world.service.metrics.letGo.value == 0 })
            #expect(!world.events.entries.contains { $0.call.answeredAt != nil })
            #expect(world.service.metrics.open.value == 0)
        }
    }

    @Test(
        "Started again as the same node: it adopts its calls at once, and the older process ends",
        arguments: DatabaseEngine.tested)
    func superseded(_ engine: DatabaseEngine) async throws {
        try await World.withDatabase(engine) { database, _ in
            let older = try await server(database)
            let call = try await older.answeredCall()
            let younger = try await server(database, at: 1)
            #expect(try await owner(younger, call.id) == CallOwner(node: World.node, epoch: 2))
            #expect(await older.invite(World.stranger).isUnavailable)
            #expect(
                try await database.query(CallPageStatements.ofUser.calls, Self.newestCalls(of: World.stranger.id))
                    .isEmpty)
            await older.service.renewLease()
            #expect(await older.service.isSuperseded())
            #expect(older.service.metrics.open.value == 0)
            #expect(await older.hangUp(call.id, from: World.callerPhone).isUnavailable)
            // The end of the older process takes nothing from the newer one.
            await older.service.stop()
            await younger.service.renewLease()
            #expect(try await younger.hangUp(call.id, from: World.callerPhone).call.isEnded)
        }
    }

    private static func newestCalls(of user: UserID) -> [SQLValue] {
        [.id(user)] + PageCursor<Named.Call>.newest.values + [.integer(9), .null, .null]
    }

    @Test("A server that stops in good order gives its lease up", arguments: DatabaseEngine.tested)
    func givenUp(_ engine: DatabaseEngine) async throws {
        try await World.withDatabase(engine) { database, _ in
            let first = try await server(database)
            _ = try await first.answeredCall()
            let next = try await server(database, at: 1, as: Self.other)
            #expect(next.service.metrics.adopted.value == 0)
            await first.service.stop()
            await next.service.renewLease()
            #expect(next.service.metrics.adopted.value == 1)
            #expect(await first.service.isSuperseded() == false)
        }
    }

    @Test(
        "Nobody comes back after a take-over: the call ended when its owner was last alive",
        arguments: DatabaseEngine.tested, [true, false])
    func lastSeen(_ engine: DatabaseEngine, _ isRestart: Bool) async throws {
        try await World.withDatabase(engine) { database, _ in
            let first = try await server(database)
            let call = try await first.answeredCall()
            setClock(first, 7)
            await first.service.renewLease()
            let next = World(database, now: .start + .seconds(20), node: isRestart ? World.node : Self.other)
            next.devices.withLockedValue { $0 = [:] }
            #expect(try await next.service.start() == 1)
            await next.wait(.seconds(31))
            _ = try await next.events.first { $0.call.isEnded }
            let stored = try await next.stored(call.id)
            #expect(stored?.endReason == .serverRestart)
            #expect(stored?.endedAt == .start + .seconds(7))
        }
    }

    @Test("Devices that connected before their call are in it, and are told of it", arguments: DatabaseEngine.tested)
    func devicesCameFirst(_ engine: DatabaseEngine) async throws {
        try await World.withDatabase(engine) { database, _ in
            let first = try await server(database)
            let call = try await first.answeredCall()
            let next = World(database, now: .start + .seconds(5), node: Self.other)
            #expect(try await next.service.start() == 0)
            #expect(await next.openCalls(of: World.callerPhone).isEmpty)
            setClock(next, 11)
            await next.service.renewLease()
            _ = try await next.events.first { $0.event == .updated && $0.address == .user(World.caller.id) }
            await next.wait(.seconds(31))
            #expect(try await next.hangUp(call.id, from: World.callerPhone).call.endReason == .hangup)
        }
    }

    @Test(
        "An open call of its own that is missing in a server is adopted again", arguments: DatabaseEngine.tested)
    func lostSightOf(_ engine: DatabaseEngine) async throws {
        try await World.withDatabase(engine) { database, _ in
            let world = try await server(database)
            let call = try await world.answeredCall()
            let told = try await world.send(.hold(true), to: call.id, from: World.callerPhone).call.revision
            // A commit that seemed not carried out takes effect after all.
            _ = try await database.commit(WriteUnit([Step(.raiseRevision, [.id(call.id)], expectedRows: 1)]))
            #expect(await world.hangUp(call.id, from: World.callerPhone).isUnavailable)
            try await world.wait(.milliseconds(0), while: { world.service.metrics.letGo.value == 0 })
            await world.service.renewLease()
            #expect(world.service.metrics.adopted.value == 1)
            let found = try await world.send(.fetch, to: call.id, from: World.callerPhone).call
            #expect(found.revision > told)
            #expect(try await world.hangUp(call.id, from: World.callerPhone).call.endReason == .hangup)
        }
    }

    @Test("Clocks that differ by hours take no calls away: leases use one clock", arguments: DatabaseEngine.tested)
    func oneClock(_ engine: DatabaseEngine) async throws {
        try await World.withDatabase(engine) { database, _ in
            let shared = NIOLockedValueBox(Instant.start)
            @Sendable func leaseClock() async throws(DatabaseError) -> Instant { shared.withLockedValue { $0 } }
            let first = World(database, lease: Self.lease, leaseClock: leaseClock)
            let hours = Instant.Span.seconds(3 * 3600)
            let fast = World(
                database, now: .start + hours, node: Self.other, lease: Self.lease, leaseClock: leaseClock)
            try await first.service.start()
            let call = try await first.answeredCall()
            #expect(try await fast.service.start() == 0)
            for seconds in stride(from: Int64(3), through: 30, by: 3) {
                shared.withLockedValue { $0 = .start + .seconds(seconds) }
                setClock(first, seconds)
                await first.service.renewLease()
                fast.clock.withLockedValue { $0 = .start + hours + .seconds(seconds) }
                await fast.service.renewLease()
            }
            #expect(fast.service.metrics.adopted.value == 0)
            // It is gone: the other one need not wait for its own clock.
            shared.withLockedValue { $0 = .start + .seconds(41) }
            fast.clock.withLockedValue { $0 = .start + hours + .seconds(33) }
            await fast.service.renewLease()
            #expect(fast.service.metrics.adopted.value == 1)
            #expect(try await owner(fast, call.id) == CallOwner(node: Self.other, epoch: 2))
        }
    }

    @Test(
        "The lease clock is set back: the calls of a dead node wait for a lease, those of a live one stay",
        arguments: DatabaseEngine.tested, [true, false])
    func leaseClockSetBack(_ engine: DatabaseEngine, _ isAlive: Bool) async throws {
        try await World.withDatabase(engine) { database, _ in
            let shared = NIOLockedValueBox(Instant.start)
            @Sendable func leaseClock() async throws(DatabaseError) -> Instant { shared.withLockedValue { $0 } }
            let first = World(database, lease: Self.lease, leaseClock: leaseClock)
            let next = World(database, node: Self.other, lease: Self.lease, leaseClock: leaseClock)
            try await first.service.start()
            _ = try await first.answeredCall()
            try await next.service.start()
            for seconds in stride(from: Int64(3), through: 15, by: 3) {
                shared.withLockedValue { $0 = .start + .seconds(seconds - 3600) }
                if isAlive {
                    setClock(first, seconds)
                    await first.service.renewLease()
                }
                setClock(next, seconds)
                await next.service.renewLease()
                #expect(next.service.metrics.adopted.value == (seconds == 15 && !isAlive ? 1 : 0))
            }
        }
    }

    @Test(
        "A delay of other writes does not delay the lease",
        .enabled(if: TestDatabase.cluster != nil, "RINGBACK_TEST_POSTGRES names no cluster"))
    func heldUp() async throws {
        try await World.withDatabase(.postgresql) { database, place in
            let world = try await server(database)
            let call = try await world.answeredCall()
            let other = try place.open()
            let lock = Step(Statement("test_lock_calls", "LOCK TABLE calls IN EXCLUSIVE MODE"), [])
            let sleep = Step(Statement("test_sleep", "SELECT pg_sleep(1.5)"), [])
            async let held = other.commit(WriteUnit([lock, sleep]))
            let isHeld = Statement("test_is_held", "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
            try await world.wait(.milliseconds(0), while: { try await database.query(isHeld, []).isEmpty })
            async let ended = world.hangUp(call.id, from: World.callerPhone)
            let waits = Statement("test_waits", "SELECT 1 FROM pg_locks WHERE NOT granted")
            try await world.wait(.milliseconds(0), while: { try await database.query(waits, []).isEmpty })
            setClock(world, 8)
            await world.service.renewLease()
            #expect(world.service.metrics.failedRenewals.value == 0)
            #expect(try await !database.query(waits, []).isEmpty, "the other write no longer waits")
            setClock(world, 15)
            #expect(world.service.holdsLease)
            _ = try await held
            #expect(try await ended.call.isEnded)
            await other.close()
        }
    }

    @Test("Calls that a server has are not considered missing", arguments: DatabaseEngine.tested)
    func notLost(_ engine: DatabaseEngine) async throws {
        try await World.withDatabase(engine) { database, _ in
            let world = try await server(database)
            let call = try await world.answeredCall()
            await world.service.renewLease()
            #expect(world.service.metrics.adopted.value == 0)
            #expect(try await world.send(.fetch, to: call.id, from: World.callerPhone).call.revision == call.revision)
        }
    }

    @Test(
        "Two servers don't place two group calls in a conversation: the second joins once it owns the first call",
        arguments: DatabaseEngine.tested)
    func oneGroupCall(_ engine: DatabaseEngine) async throws {
        try await World.withDatabase(engine) { database, _ in
            let first = try await server(database)
            let call = try await first.invite(World.wholeGroup).call
            let next = try await server(database, at: 1, as: Self.other)
            let name = RequestID.random(at: .start)
            #expect(await next.invite(World.wholeGroup, from: World.calleePhone, as: name).isUnavailable)
            #expect(next.service.metrics.open.value == 0)
            await first.service.stop()
            await next.service.renewLease()
            let joined = try await next.invite(World.wholeGroup, from: World.calleePhone, as: name).call
            #expect(joined.id == call.id && joined.participant(World.callee.id)?.isConnected == true)
        }
    }

    @Test("The lease is renewed automatically")
    func timer() async throws {
        try await World.withDatabase(.sqlite) { database, _ in
            let world = try await server(database)
            for _ in 0..<4 {
                let last = world.now
                try await world.wait(.milliseconds(100), while: { try await renewedAt(database) <= last })
            }
            #expect(world.service.metrics.failedRenewals.value == 0)
            #expect(try await world.invite().call.phase == .initiated)
        }
    }

    @Test("A server that stops waits for a renewal under way: its release comes last")
    func stopDuringRenewal() async throws {
        try await World.withDatabase(.sqlite) { database, _ in
            /// How often the time was asked for since the start; nil before.
            let asked = NIOLockedValueBox<Int?>(nil)
            let stopping = AsyncStream.makeStream(of: Void.self)
            @Sendable func leaseClock() async throws(DatabaseError) -> Instant {
                asked.withLockedValue { $0 = $0.map { $0 + 1 } }
                // The renewal is held until the stop has had time enough to ask, too.
                if asked.withLockedValue({ $0 }) == 1 {
                    for await _ in stopping.stream {}
                    for _ in 0..<10_000 where asked.withLockedValue({ $0 }) == 1 { await Task.yield() }
                    #expect(asked.withLockedValue { $0 } == 1, "the stop did not wait for the renewal")
                }
                return .start
            }
            let world = World(database, lease: Self.lease, leaseClock: leaseClock)
            try await world.service.start()
            asked.withLockedValue { $0 = 0 }
            try await world.wait(.seconds(4), while: { asked.withLockedValue { $0 } == 0 })
            async let stopped: Void = world.service.stop()
            #expect(await !world.service.isSuperseded())
            stopping.continuation.finish()
            await stopped
        }
    }

    private func renewedAt(_ database: any Database) async throws -> Instant {
        let row = try #require(try await database.query(.nodeByID, [.id(World.node)]).first)
        return try row.instant("renewed_at")
    }
}

extension Statement {
    /// Parameters: the call's id.
    fileprivate static let raiseRevision = Statement(
        "test_raise_revision", "UPDATE calls SET revision = revision + 1 WHERE id = $1")
}
