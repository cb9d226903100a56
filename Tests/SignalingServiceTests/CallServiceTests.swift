import NIOConcurrencyHelpers
import Primitives
import SignalingCore
import Storage
import TestDatabases
import Testing

@testable import SignalingService

@Suite("Calls on a real database", .timeLimit(.minutes(1)), .serialized)
struct CallServiceTests {
    typealias World = CallWorld

    @Test("A call is on disk before its reply, and ends as it happened", arguments: DatabaseEngine.tested)
    func life(_ engine: DatabaseEngine) async throws {
        try await World.run(engine) { world in
            let placed = try await world.invite().call
            #expect(try await world.stored(placed.id)?.phase == .initiated)
            _ = try await world.events.first { $0.event == .incoming && $0.address == .user(World.callee.id) }

            await world.wait(.seconds(5))
            let answered = try await world.send(
                .accept(.random(at: world.now), MediaState()), to: placed.id, from: World.calleePhone
            ).call
            #expect(answered.answeredAt == world.now)
            #expect(try await world.stored(placed.id)?.phase == answered.phase)

            _ = try await world.send(.startScreenShare(.random(at: world.now)), to: placed.id, from: World.calleePhone)
                .call
            #expect(try await world.stored(placed.id)?.screenShares.map(\.sharer) == [World.callee.id])

            await world.wait(.seconds(60))
            let ended = try await world.send(
                .hangUp(.random(at: world.now), mediaFailed: false), to: placed.id, from: World.callerPhone
            ).call
            #expect(ended.endReason == .hangup)
            let stored = try #require(try await world.stored(placed.id))
            #expect(stored.phase == ended.phase)
            #expect(stored.participants == ended.participants)
            #expect(stored.screenShares.isEmpty)
            #expect(world.service.metrics.open.value == 0)
        }
    }

    @Test("Nobody answers: the timer ends the call at its deadline", arguments: DatabaseEngine.tested)
    func ringTimeOut(_ engine: DatabaseEngine) async throws {
        try await World.run(engine) { world in
            let placed = try await world.invite().call
            await world.wait(.seconds(44))
            #expect(try await world.stored(placed.id)?.phase == .initiated)
            await world.wait(.seconds(2))
            _ = try await world.events.first { $0.event == .ringStopped(.noAnswer) }
            #expect(try await world.stored(placed.id)?.phase == .missed(endedAt: placed.ringExpiresAt, .noAnswer))
        }
    }

    @Test("The same invite again is the same call, while it rings and after it ended", arguments: DatabaseEngine.tested)
    func repeatedInvite(_ engine: DatabaseEngine) async throws {
        try await World.run(engine) { world in
            let name = RequestID.random(at: .start)
            let placed = try await world.invite(as: name).call
            #expect(try await world.invite(as: name).call.id == placed.id)
            _ = try await world.send(.cancel(.random(at: world.now)), to: placed.id, from: World.callerPhone).call
            let again = try await world.invite(as: name).call
            #expect(again.id == placed.id && again.endReason == .cancelled)
            #expect(world.service.metrics.placed.value == 1)
        }
    }

    @Test("Two users who call each other at once are in one call", arguments: DatabaseEngine.tested)
    func glare(_ engine: DatabaseEngine) async throws {
        try await World.run(engine) { world in
            async let one = world.invite()
            async let other = world.invite(World.caller, from: World.calleePhone)
            let calls = [try await one.call, try await other.call]
            #expect(calls[0].id == calls[1].id)
            #expect(try await world.stored(calls[0].id)?.answeredAt != nil)
            #expect(world.service.metrics.placed.value == 1)
        }
    }

    @Test("Of two devices that answer at once one gets the call", arguments: DatabaseEngine.tested)
    func twoAnswers(_ engine: DatabaseEngine) async throws {
        try await World.run(engine) { world in
            let placed = try await world.invite().call
            async let phone = world.send(
                .accept(.random(at: .start), MediaState()), to: placed.id, from: World.calleePhone)
            async let laptop = world.send(
                .accept(.random(at: .start), MediaState()), to: placed.id, from: World.calleeLaptop)
            let refusals = [await phone, await laptop].map(\.refusal)
            #expect(refusals.contains(nil) && refusals.contains(.answeredElsewhere))
        }
    }

    @Test("Somebody who is in a call is busy for others", arguments: DatabaseEngine.tested)
    func busy(_ engine: DatabaseEngine) async throws {
        try await World.run(engine) { world in
            _ = try await world.answeredCall()
            let missed = try await world.invite(World.callee, from: World.strangersPhone).call
            #expect(missed.endReason == .busy)
            #expect(try await world.stored(missed.id)?.endReason == .busy)
            // It is over, so the next one is a new call.
            let next = try await world.invite(World.callee, from: World.strangersPhone).call
            #expect(next.id != missed.id)
        }
    }

    @Test("A stranger finds no call, nor does anybody where there is none", arguments: DatabaseEngine.tested)
    func notFound(_ engine: DatabaseEngine) async throws {
        try await World.run(engine) { world in
            let placed = try await world.invite().call
            #expect(await world.send(.fetch, to: placed.id, from: World.strangersPhone).refusal == .notFound)
            #expect(await world.send(.fetch, to: .random(at: .start), from: World.callerPhone).refusal == .notFound)
            _ = try await world.send(.cancel(.random(at: world.now)), to: placed.id, from: World.callerPhone).call
            #expect(await world.send(.fetch, to: placed.id, from: World.strangersPhone).refusal == .notFound)
            let nobody = Profile(id: .random(at: .start), username: "nobody", displayName: "Nobody")
            #expect(await world.invite(nobody).refusal == .notFound)
        }
    }

    @Test("Commands after the end are answered from what is stored", arguments: DatabaseEngine.tested)
    func afterTheEnd(_ engine: DatabaseEngine) async throws {
        try await World.run(engine) { world in
            let call = try await world.answeredCall()
            _ = try await world.send(
                .hangUp(.random(at: world.now), mediaFailed: false), to: call.id, from: World.callerPhone
            ).call
            let late = await world.send(
                .hangUp(.random(at: world.now), mediaFailed: false), to: call.id, from: World.calleePhone)
            #expect(try late.call.endReason == .hangup)
            let accept = await world.send(
                .accept(.random(at: .start), MediaState()), to: call.id, from: World.calleePhone)
            #expect(accept.refusal == .callEnded)
            let signal = Signal.candidate(
                .init(
                    candidate: "c", mid: "0", lineIndex: 0, usernameFragment: "",
                    source: .init(peerConnection: "p", generation: 0)))
            _ = try await world.send(.signal(signal, to: World.callee.id), to: call.id, from: World.callerPhone).call
            #expect(world.service.metrics.droppedSignals.value == 1)
        }
    }

    @Test("Too many invites are refused, with the time to wait")
    func inviteLimit() async throws {
        try await World.run(.sqlite) { world in
            for _ in 0..<10 { _ = try await world.invite().call }
            guard case .limited(let retryAfter) = await world.invite() else {
                Issue.record("the invite was not limited")
                return
            }
            #expect(retryAfter > .seconds(0) && retryAfter <= .seconds(6))
            await world.wait(retryAfter)
            _ = try await world.invite().call
        }
    }

    @Test("An invite counts for each user it rings, and one that rings more than fit takes all there is")
    func invitesOfGroupsCount() async throws {
        try await World.run(.sqlite) { world in
            func ring(_ people: [UserID] = []) async throws -> Bool {
                let reply = await world.invite(.conversation(World.group, ringing: people))
                guard case .limited(let retryAfter) = reply else {
                    _ = await world.send(
                        .cancel(.random(at: world.now)), to: try reply.call.id, from: World.callerPhone)
                    return true
                }
                // As long as that many take.
                #expect(retryAfter > .seconds(0) && retryAfter <= .seconds(6 * 2))
                return false
            }
            // Ten in a minute are five times two, not ten times two.
            var rung = 0
            while try await ring() { rung += 1 }
            #expect(rung == 5)
            await world.wait(.seconds(61))
            for _ in 0..<4 where try await ring() { rung += 1 }
            #expect(rung == 9)
            while try await ring([World.member.id]) { rung += 1 }
            #expect(rung == 11)
        }
    }

    @Test("An invite that rings more than a minute allows takes a full bucket")
    func anInviteLargerThanTheBucket() async throws {
        try await World.run(.sqlite, invitesPerMinute: 1) { world in
            _ = await world.send(
                .cancel(.random(at: world.now)), to: try await world.invite(World.wholeGroup).call.id,
                from: World.callerPhone)
            guard case .limited = await world.invite(World.wholeGroup) else {
                Issue.record("the invite was not limited")
                return
            }
            await world.wait(.seconds(61))
            _ = try await world.invite(World.wholeGroup).call
        }
    }

    @Test("A caller whose socket is lost while the call rings gets 15 s")
    func callerLost() async throws {
        try await World.run(.sqlite) { world in
            let placed = try await world.invite().call
            world.service.deviceLost(World.callerPhone)
            await world.wait(.seconds(16))
            _ = try await world.events.first { $0.event == .ringStopped(.callerDisconnected) }
            #expect(try await world.stored(placed.id)?.endReason == .callerDisconnected)
        }
    }

    @Test("A device that disconnected while its invite was on the way does not stay in the call forever")
    func inviterGone() async throws {
        try await World.run(.sqlite) { world in
            let placed = try await world.invite().call
            world.devices.withLockedValue { $0[World.callee.id] = [] }
            // Glare: the invite answers the call, from a device that no longer has a socket.
            _ = try await world.invite(World.caller, from: World.calleePhone).call
            await world.wait(.seconds(31))
            _ = try await world.events.first { $0.call.isEnded }
            #expect(try await world.stored(placed.id)?.endReason == .disconnected)
        }
    }

    @Test("An invite to a call whose time is up ends it and places a new one", arguments: DatabaseEngine.tested)
    func redial(_ engine: DatabaseEngine) async throws {
        try await World.run(engine) { world in
            let first = try await world.invite().call
            // The clock is ahead of the timers.
            world.clock.withLockedValue { $0 = first.ringExpiresAt }
            let second = try await world.invite().call
            #expect(second.id != first.id)
            #expect(try await world.stored(first.id)?.endReason == .noAnswer)
            #expect(world.events.entries.contains { $0.call.id == first.id && $0.address == .user(World.caller.id) })
        }
    }

    @Test("A device that connects gets the open calls of its user")
    func openCalls() async throws {
        try await World.run(.sqlite) { world in
            let placed = try await world.invite().call
            #expect(await world.openCalls(of: World.calleeLaptop).map(\.call.id) == [placed.id])
            #expect(await world.openCalls(of: World.strangersPhone).isEmpty)
        }
    }

    @Test("History is paged from the newest, each call once", arguments: DatabaseEngine.tested)
    func history(_ engine: DatabaseEngine) async throws {
        try await World.run(engine) { world in
            var placed: [CallID] = []
            for _ in 0..<5 {
                let call = try await world.invite().call
                placed.append(call.id)
                await world.wait(.seconds(1))
                _ = try await world.send(.cancel(.random(at: world.now)), to: call.id, from: World.callerPhone).call
            }
            var seen: [CallID] = []
            var cursor: PageCursor<Named.Call>?
            repeat {
                let page = try await world.service.history(of: World.callee.id, before: cursor, limit: 2)
                seen += page.calls.map(\.call.id)
                cursor = page.next.flatMap { PageCursor($0.description) }
            } while cursor != nil
            #expect(seen == placed.reversed())
            #expect(try await world.service.history(of: World.stranger.id, before: nil, limit: 9).calls.isEmpty)
        }
    }
}
