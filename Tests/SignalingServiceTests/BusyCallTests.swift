import NIOConcurrencyHelpers
import NIOEmbedded
import Primitives
import SignalingCore
import Storage
import TestDatabases
import Testing

@testable import SignalingService

/// What a participant who repeats a command costs the others, in virtual time.
@Suite("A busy call", .timeLimit(.minutes(1)), .serialized)
struct BusyCallTests {
    typealias World = CallWorld

    /// A group call of three; events so far are forgotten.
    private static func call(_ world: World) async throws -> Call {
        let call = try await world.fullGroupCall()
        await world.wait(.seconds(1))
        world.events.forget()
        return call
    }

    private static func mute(_ isMuted: Bool, _ call: Call, _ world: World, _ origin: CallOrigin) async -> CallReply {
        await world.send(.setMedia(MediaState(microphone: !isMuted)), to: call.id, from: origin)
    }

    @Test("Ten mutes in a moment are two updates for the others, the first at once and the last with the final state")
    func coalesced() async throws {
        try await World.run(.sqlite) { world in
            let call = try await Self.call(world)
            var own: Int64 = 0
            for number in 1...9 {
                let answer = try await Self.mute(!number.isMultiple(of: 2), call, world, World.callerPhone).call
                #expect(answer.revision > own)
                own = answer.revision
            }
            #expect(world.events.broadcasts == 1)
            await world.wait(UpdatePace.interval)
            #expect(world.events.broadcasts == 2)
            let told = world.events.entries.filter { $0.address == .user(World.callee.id) }
            #expect(told.map(\.call.revision) == [own - 8, own])
            #expect(told.last?.call.participant(World.caller.id)?.connection?.media.microphone == false)
            await world.wait(.seconds(10))
            #expect(world.events.broadcasts == 2)
        }
    }

    @Test("Changes of several people that only show are sent to all of them together")
    func several() async throws {
        try await World.run(.sqlite) { world in
            let call = try await Self.call(world)
            _ = try await Self.mute(true, call, world, World.callerPhone).call
            for origin in [World.calleePhone, World.membersPhone] {
                _ = try await Self.mute(false, call, world, origin).call
            }
            await world.wait(UpdatePace.interval)
            #expect(world.events.broadcasts == 2)
            let latest = try await world.send(.fetch, to: call.id, from: World.callerPhone).call.revision
            let told = Set(world.events.entries.filter { $0.call.revision == latest }.map(\.address))
            #expect(told == [.user(World.caller.id), .user(World.callee.id), .user(World.member.id)])
        }
    }

    @Test("A lock is sent at once, with the mutes that were held back")
    func urgent() async throws {
        try await World.run(.sqlite) { world in
            let call = try await Self.call(world)
            _ = try await Self.mute(false, call, world, World.calleePhone).call
            _ = try await Self.mute(true, call, world, World.calleePhone).call
            let locked = try await world.control(.lock(true), of: call.id).call.revision
            // Events come after the answer.
            _ = await world.send(.fetch, to: call.id, from: World.callerPhone)
            let told = world.events.entries.filter { $0.call.revision == locked }
            // The phone that locked has its answer, which included the mute that was held back.
            let caller = Address.others(World.caller.id, than: World.callerPhone.device)
            #expect(told.map(\.address) == [caller, .user(World.callee.id), .user(World.member.id)])
            guard case .changed(let difference)? = told.last?.event else {
                Issue.record("not told what has changed")
                return
            }
            #expect(difference.base == locked - 2 && difference.isStateChanged && difference.shown == [1])
            await world.wait(UpdatePace.interval)
            #expect(world.events.entries.last?.call.revision == locked && world.events.broadcasts == 2)
        }
    }

    @Test("Beyond the rate a participant waits, with all devices; nobody else does, and a hang-up never")
    func rate() async throws {
        try await World.run(.sqlite) { world in
            let call = try await Self.call(world)
            for _ in 0..<10 { _ = try await Self.mute(true, call, world, World.calleePhone).call }
            for origin in [World.calleePhone, World.calleeLaptop] {
                guard case .limited(let wait) = await Self.mute(true, call, world, origin) else {
                    Issue.record("not limited")
                    return
                }
                #expect(wait > .milliseconds(0) && wait <= .milliseconds(200))
            }
            _ = try await Self.mute(true, call, world, World.callerPhone).call
            await world.wait(.milliseconds(200))
            _ = try await Self.mute(true, call, world, World.calleePhone).call
            #expect(try await world.hangUp(call.id, from: World.calleePhone).call.revision > 0)
        }
    }

    @Test("Joining, locking and fetching have a rate, too")
    func brothers() async throws {
        try await World.run(.sqlite) { world in
            let call = try await Self.call(world)
            var replies: [String: [CallReply]] = [:]
            for number in 0..<30 {
                replies["fetch", default: []].append(await world.send(.fetch, to: call.id, from: World.callerPhone))
                let lock = HostControl.lock(number.isMultiple(of: 2))
                replies["lock", default: []].append(await world.control(lock, of: call.id))
                _ = await world.hangUp(call.id, from: World.membersPhone)
                replies["join", default: []].append(await world.join(call.id, from: World.membersPhone))
            }
            #expect(replies.mapValues { $0.count(where: \.isLimited) } == ["fetch": 10, "lock": 10, "join": 10])
            #expect(world.service.metrics.limitedCommands.value == 30)
        }
    }

    @Test("A call that is always busy lets others have their turn, and keeps the order")
    func turns() async throws {
        try await World.run(.sqlite) { world in
            let call = try await Self.call(world)
            world.policies.withLockedValue {
                $0[World.caller.id] = CalleePolicy(profile: World.caller, hasCallWaiting: true)
            }
            let other = try await world.invite(World.caller, from: World.strangersPhone).call
            _ = await world.send(.fetch, to: other.id, from: World.strangersPhone)
            world.events.forget()
            // Sending to somebody takes longer than a call may work without a break.
            world.events.costs.withLockedValue { $0 = { world.clock.withLockedValue { $0 = $0 + .milliseconds(6) } } }
            let count = 20
            try await world.loop.executeInContext {
                for number in 0..<count {
                    let signal = Signal.candidate(
                        .init(
                            candidate: "\(number)", mid: "0", lineIndex: 0, usernameFragment: "",
                            source: .init(peerConnection: "p", generation: 0)))
                    world.service.submit(
                        .command(call.id, .signal(signal, to: World.callee.id)), from: World.caller,
                        replyTo: ReplyTo(World.callerPhone, socket: 1, request: 0))
                }
            }
            await world.loop.run()
            #expect(world.events.entries.count == 1)
            // Another call is handled in the meantime.
            #expect(try await world.send(.fetch, to: other.id, from: World.strangersPhone).call.id == other.id)
            #expect(world.events.entries.count == 1)
            for _ in 0..<count { await world.wait(TurnBudget.rest) }
            let candidates = world.events.entries.compactMap { entry -> String? in
                guard case .signal(.candidate(let candidate), from: _) = entry.event else { return nil }
                return candidate.candidate
            }
            #expect(candidates == (0..<count).map(String.init))
            #expect(world.service.metrics.rests.value >= count - 1)
        }
    }
}

extension CallReply {
    fileprivate var isLimited: Bool { if case .limited = self { true } else { false } }
}
