import NIOConcurrencyHelpers
import Primitives
import SignalingCore
import Storage
import TestDatabases
import Testing

@testable import SignalingService

@Suite("Group calls, through the service and the database", .timeLimit(.minutes(1)), .serialized)
struct GroupCallTests {
    typealias World = CallWorld

    @Test("A group call rings all members, or those who are chosen", arguments: DatabaseEngine.tested)
    func ring(_ engine: DatabaseEngine) async throws {
        try await World.run(engine) { world in
            let chosen = try await world.invite(.conversation(World.group, ringing: [World.member.id])).call
            #expect(chosen.mode == .group)
            #expect(chosen.participants.map(\.user) == [World.caller.id, World.member.id])
            _ = try await world.events.first { $0.event == .incoming && $0.address == .user(World.member.id) }
            _ = await world.send(.cancel(.random(at: world.now)), to: chosen.id, from: World.callerPhone)
            let all = try await world.invite(World.wholeGroup).call
            #expect(Set(all.participants.map(\.user)) == [World.caller.id, World.callee.id, World.member.id])
            #expect(try await world.stored(all.id)?.participant(World.caller.id)?.role == .host)
        }
    }

    @Test("Only members call in a group, and only members are rung in it", arguments: DatabaseEngine.tested)
    func rights(_ engine: DatabaseEngine) async throws {
        try await World.run(engine) { world in
            #expect(await world.invite(World.wholeGroup, from: World.strangersPhone).refusal == .notFound)
            let stranger = Invite.Target.conversation(World.group, ringing: [World.stranger.id])
            #expect(await world.invite(stranger).refusal == .notFound)
        }
    }

    @Test("An invite in a group that has a call joins it", arguments: DatabaseEngine.tested)
    func inviteJoins(_ engine: DatabaseEngine) async throws {
        try await World.run(engine) { world in
            let placed = try await world.invite(World.wholeGroup).call
            let joined = try await world.invite(World.wholeGroup, from: World.membersPhone).call
            #expect(joined.id == placed.id)
            #expect(joined.participant(World.member.id)?.isConnected == true)
            #expect(joined.answeredAt == world.now)
        }
    }

    @Test("A member joins, leaves and joins again; a stranger does not", arguments: DatabaseEngine.tested)
    func join(_ engine: DatabaseEngine) async throws {
        try await World.run(engine) { world in
            let placed = try await world.invite(.conversation(World.group, ringing: [World.callee.id])).call
            _ = await world.accept(placed.id, from: World.calleePhone)
            #expect(await world.join(placed.id, from: World.strangersPhone).refusal == .notFound)
            let reply = await world.join(placed.id, from: World.membersPhone)
            guard case .done(let view) = reply else { throw UnexpectedReply(reply: reply) }
            #expect(view.people[World.member.id] == World.member)
            #expect(await world.openCalls(of: World.membersPhone).map(\.call.id) == [placed.id])
            _ = await world.hangUp(placed.id, from: World.membersPhone)
            #expect(try await world.stored(placed.id)?.participant(World.member.id)?.isConnected == false)
            #expect(try await world.join(placed.id, from: World.membersPhone).call.answeredAt != nil)
        }
    }

    @Test(
        "A direct call grows, and is stored like that; the pair can call each other again",
        arguments: DatabaseEngine.tested)
    func grow(_ engine: DatabaseEngine) async throws {
        try await World.run(engine) { world in
            let direct = try await world.answeredCall()
            let grown = try await world.add([World.stranger], to: direct.id, from: World.calleePhone).call
            #expect(grown.mode == .group)
            _ = try await world.events.first { $0.event == .incoming && $0.address == .user(World.stranger.id) }
            _ = try await world.accept(direct.id, from: World.strangersPhone).call
            let stored = try #require(try await world.stored(direct.id))
            #expect(stored.mode == .group && stored.participants.allSatisfy(\.isConnected))
            _ = try await world.hangUp(direct.id, from: World.callerPhone).call
            let second = try await world.invite(World.member).call
            #expect(second.id != direct.id && second.mode == .direct)
            let third = try await world.invite(World.callee).call
            #expect(third.id != direct.id && third.endReason == .busy)
        }
    }

    @Test("The decisions of hosts survive the process", arguments: DatabaseEngine.tested)
    func hostControls(_ engine: DatabaseEngine) async throws {
        try await World.run(engine) { world in
            let call = try await world.groupCall()
            _ = try await world.control(.lock(true), of: call.id).call
            _ = try await world.control(.setRole(World.callee.id, .coHost), of: call.id).call
            _ = try await world.control(.remove(World.member.id, isBarred: true), of: call.id).call
            let next = World(world.database, now: world.now + .seconds(1))
            try await next.service.start()
            let adopted = try #require(await next.openCalls(of: World.callerPhone).first?.call)
            #expect(adopted.isLocked)
            #expect(adopted.participant(World.callee.id)?.role == .coHost)
            #expect(adopted.participant(World.member.id)?.isBarred == true)
            #expect(await next.openCalls(of: World.membersPhone).isEmpty)
            #expect(await next.join(call.id, from: World.membersPhone).refusal == .forbidden)
        }
    }

    @Test("A user who asks to be admitted is admitted, or forgotten with the device", arguments: DatabaseEngine.tested)
    func admit(_ engine: DatabaseEngine) async throws {
        try await World.run(engine) { world in
            let placed = try await world.invite(.conversation(World.group, ringing: [World.callee.id])).call
            _ = await world.accept(placed.id, from: World.calleePhone)
            _ = try await world.control(.lock(true), of: placed.id).call
            #expect(try await world.join(placed.id, from: World.membersPhone).call.joinRequests.count == 1)
            world.service.deviceLost(World.membersPhone)
            // Soon after the request, so it is sent with the next update.
            let isForgotten = { (entry: EventLog.Entry) in
                entry.call.isLocked && entry.call.joinRequests.isEmpty && entry.call.revision > 4
            }
            try await world.wait(.milliseconds(10), while: { !world.events.entries.contains(where: isForgotten) })
            _ = try await world.join(placed.id, from: World.membersPhone).call
            let admitted = try await world.control(.admit(World.member.id, isAdmitted: true), of: placed.id).call
            #expect(admitted.participant(World.member.id)?.connection?.device == World.membersPhone.device)
            #expect(try await world.stored(placed.id)?.participant(World.member.id)?.isConnected == true)
        }
    }

    @Test("A join that overtakes the loss of its device leaves nobody in the call for good", arguments: [false, true])
    func joinOfADeviceThatHasGone(_ isLocked: Bool) async throws {
        try await World.run(.sqlite) { world in
            let call = try await world.groupCall()
            _ = try await world.control(.remove(World.member.id, isBarred: false), of: call.id).call
            if isLocked { _ = try await world.control(.lock(true), of: call.id).call }
            // The join waits for the database; in the meantime the socket is lost.
            world.devices.withLockedValue { _ = $0[World.member.id]?.remove(World.membersPhone.device) }
            world.service.deviceLost(World.membersPhone)
            _ = try await world.join(call.id, from: World.membersPhone).call
            let seen = try await world.send(.fetch, to: call.id, from: World.callerPhone).call
            #expect(seen.joinRequests.isEmpty)
            guard !isLocked else { return }
            let connection = seen.participant(World.member.id)?.connection
            #expect(connection?.reachability == .lost(until: world.now + .seconds(30)))
        }
    }

    @Test("A member who comes too late is told that the call is over; a stranger is told nothing")
    func joinTooLate() async throws {
        try await World.run(.sqlite) { world in
            let placed = try await world.invite(.conversation(World.group, ringing: [World.callee.id])).call
            _ = await world.send(.cancel(.random(at: world.now)), to: placed.id, from: World.callerPhone)
            let reply = await world.join(placed.id, from: World.membersPhone)
            guard case .refused(.callEnded, let view?) = reply else { throw UnexpectedReply(reply: reply) }
            #expect(view.call.endReason == .cancelled)
            #expect(await world.join(placed.id, from: World.strangersPhone).refusal == .notFound)
            #expect(await world.join(.random(at: .start), from: World.membersPhone).refusal == .notFound)
        }
    }

    @Test("Alone and empty calls end at their time, also when no server ran then", arguments: DatabaseEngine.tested)
    func deserted(_ engine: DatabaseEngine) async throws {
        try await World.run(engine) { world in
            let call = try await world.groupCall()
            let decline = CallCommand.decline(.random(at: world.now), isBusy: false, reachable: [])
            _ = try await world.send(decline, to: call.id, from: World.membersPhone).call
            await world.wait(.seconds(3))
            _ = try await world.hangUp(call.id, from: World.calleePhone).call
            let leftAt = world.now
            let next = World(world.database, now: world.now + .seconds(500))
            try await next.service.start()
            _ = try await next.events.first { $0.call.isEnded }
            let stored = try #require(try await next.stored(call.id))
            #expect(stored.endReason == .alone && stored.endedAt == leftAt + .seconds(120))
        }
    }

    @Test("A user who does not want to be disturbed can't be called by anybody", arguments: DatabaseEngine.tested)
    func hidden(_ engine: DatabaseEngine) async throws {
        try await World.run(engine) { world in
            world.policies.withLockedValue {
                $0[World.callee.id] = CalleePolicy(profile: World.callee, isReachable: false)
            }
            let placed = try await world.invite().call
            #expect(placed.phase == .initiated)
            // For the caller a device rings, as it would if it were told, after a realistic time.
            #expect(!world.events.entries.contains { $0.call.participant(World.callee.id)?.ringing?.isAlerted ?? true })
            await world.wait(.milliseconds(300))
            let seeming = try await world.events.first {
                $0.call.participant(World.callee.id)?.ringing?.isAlerted ?? false
            }
            #expect(seeming.address.user == World.caller.id && seeming.call.phase == .initiated)
            #expect(await world.openCalls(of: World.calleePhone).isEmpty)
            #expect(await world.accept(placed.id, from: World.calleePhone).refusal == .notFound)
            let next = World(world.database, now: world.now + .seconds(1))
            try await next.service.start()
            #expect(await next.openCalls(of: World.calleePhone).isEmpty)
            #expect(await next.openCalls(of: World.callerPhone).count == 1)
            await next.wait(.seconds(45))
            _ = try await next.events.first { $0.call.isEnded }
            #expect(try await next.stored(placed.id)?.endReason == .noAnswer)
            let entries = world.events.entries + next.events.entries
            #expect(entries.allSatisfy { $0.address.user == World.caller.id })
            #expect(await next.send(.fetch, to: placed.id, from: World.calleePhone).refusal == .notFound)
        }
    }

    /// Whether the member may hear the first and the second ring, and what they are told of the second.
    static let secondRings: [(first: Bool, second: Bool, told: [CallEvent])] = [
        (true, true, [.ringStopped(.noAnswer), .incoming]), (true, false, [.ringStopped(.noAnswer)]),
        (false, true, [.incoming]), (false, false, []),
    ]

    @Test("The end of an overdue ring is sent before the next ring", arguments: secondRings)
    func ringsAgain(first: Bool, second: Bool, told: [CallEvent]) async throws {
        try await World.run(.sqlite) { world in
            func letHear(_ isReachable: Bool) {
                world.policies.withLockedValue {
                    $0[World.member.id] = CalleePolicy(profile: World.member, isReachable: isReachable)
                }
            }
            letHear(first)
            let call = try await world.groupCall()
            letHear(second)
            // The events of the answer come after its reply.
            _ = await world.send(.fetch, to: call.id, from: World.callerPhone)
            let before = world.events.entries.count
            // The timer is late.
            world.clock.withLockedValue { $0 = $0 + .seconds(45) }
            let ringing = try await world.add([World.member], to: call.id, from: World.callerPhone).call
            #expect(ringing.participant(World.member.id)?.rungAt == world.now)
            _ = await world.send(.fetch, to: call.id, from: World.callerPhone)
            let heard = world.events.entries.dropFirst(before).filter { $0.address.user == World.member.id }
            #expect(heard.map(\.event) == told)
            let isRung = heard.map { $0.call.participant(World.member.id)?.isRinging }
            #expect(isRung == told.map { $0 == .incoming })
        }
    }

    @Test("A user can't call somebody they block; call waiting rings a busy user", arguments: DatabaseEngine.tested)
    func policies(_ engine: DatabaseEngine) async throws {
        try await World.run(engine) { world in
            world.policies.withLockedValue {
                $0[World.member.id] = CalleePolicy(profile: World.member, isBlockedByCaller: true)
                $0[World.callee.id] = CalleePolicy(profile: World.callee, hasCallWaiting: true)
            }
            #expect(await world.invite(World.member).refusal == .forbidden)
            _ = try await world.answeredCall()
            let second = try await world.invite(World.callee, from: World.strangersPhone).call
            #expect(second.participant(World.callee.id)?.isRinging == true)
            #expect(try await world.invite(World.caller, from: World.strangersPhone).call.endReason == .busy)
        }
    }
}
