import NIOConcurrencyHelpers
import Primitives
import SignalingCore
import Storage
import TestDatabases
import Testing

@testable import SignalingService

/// A second service on the same database represents the server after it was killed and restarted.
@Suite("Calls survive the process", .timeLimit(.minutes(1)), .serialized)
struct RecoveryTests {
    typealias World = CallWorld

    @Test("Started after the deadline: missed, ended at the deadline", arguments: DatabaseEngine.tested)
    func overdue(_ engine: DatabaseEngine) async throws {
        try await World.run(engine) { world in
            let placed = try await world.invite().call
            let next = World(world.database, now: world.now + .seconds(300))
            #expect(try await next.service.start() == 1)
            _ = try await next.events.first { $0.call.isEnded }
            #expect(
                try await next.stored(placed.id)?.phase == .missed(endedAt: placed.ringExpiresAt, .noAnswer))
        }
    }

    @Test("Started before the deadline: it rings on and is answered", arguments: DatabaseEngine.tested)
    func ringsOn(_ engine: DatabaseEngine) async throws {
        try await World.run(engine) { world in
            let placed = try await world.invite().call
            let next = World(world.database, now: world.now + .seconds(10))
            try await next.service.start()
            #expect(await next.openCalls(of: World.callerPhone).map(\.call.id) == [placed.id])
            #expect(await next.openCalls(of: World.calleePhone).first?.call.phase == .initiated)
            let answered = try await next.send(
                .accept(.random(at: next.now), MediaState()), to: placed.id, from: World.calleePhone
            ).call
            #expect(answered.answeredAt == next.now)
            #expect(try await next.stored(placed.id)?.answeredAt == next.now)
        }
    }

    @Test("Started with the clock set back by an hour: it rings no longer", arguments: DatabaseEngine.tested)
    func clockSetBack(_ engine: DatabaseEngine) async throws {
        try await World.run(engine) { world in
            let placed = try await world.invite().call
            let next = World(world.database, now: world.now - .seconds(3600))
            #expect(try await next.service.start() == 1)
            _ = await next.openCalls(of: World.callerPhone)
            await next.wait(.seconds(46))
            _ = try await next.events.first { $0.call.isEnded }
            #expect(try await next.stored(placed.id)?.phase == .missed(endedAt: placed.ringExpiresAt, .noAnswer))
            // It is missed in the future, and counted anyway.
            #expect(try await next.service.unseenMissedCalls(of: World.callee.id) == 1)
            try await next.service.markMissedCallsSeen(by: World.callee.id, through: nil)
            #expect(try await next.service.unseenMissedCalls(of: World.callee.id) == 0)
        }
    }

    @Test("Nobody comes back to a running call: it ends as server_restart", arguments: DatabaseEngine.tested)
    func nobodyComesBack(_ engine: DatabaseEngine) async throws {
        try await World.run(engine) { world in
            let call = try await world.answeredCall()
            let next = World(world.database, now: world.now + .seconds(100))
            next.devices.withLockedValue { $0 = [:] }
            try await next.service.start()
            _ = await next.openCalls(of: World.strangersPhone)
            await next.wait(.seconds(31))
            _ = try await next.events.first { $0.call.isEnded }
            #expect(try await next.stored(call.id)?.endReason == .serverRestart)
        }
    }

    @Test("A server that no longer owns a call changes nothing in it", arguments: DatabaseEngine.tested)
    func fencing(_ engine: DatabaseEngine) async throws {
        try await World.run(engine) { world in
            let placed = try await world.invite().call
            let next = World(world.database, now: world.now)
            try await next.service.start()
            let answered = try await next.send(
                .accept(.random(at: next.now), MediaState()), to: placed.id, from: World.calleePhone
            ).call
            let late = await world.send(.cancel(.random(at: world.now)), to: placed.id, from: World.callerPhone)
            #expect(late.isUnavailable)
            #expect(try await world.stored(placed.id)?.phase == answered.phase)
        }
    }

    @Test("After the service has stopped, commands are told to retry")
    func stopped() async throws {
        try await World.run(.sqlite) { world in
            let placed = try await world.invite().call
            await world.service.stop()
            #expect(await world.send(.fetch, to: placed.id, from: World.callerPhone).isUnavailable)
            #expect(await world.invite().isUnavailable)
        }
    }
}
