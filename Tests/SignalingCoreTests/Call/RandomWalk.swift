import Primitives

@testable import SignalingCore

/// A seeded schedule: a call of any kind, advanced by random inputs at random times, with restarts, until it is over.
struct RandomWalk {
    private static let origins = [
        Scene.callerPhone, Scene.callerLaptop, Scene.calleePhone, Scene.calleeLaptop, Scene.thirdPhone,
        Scene.thirdLaptop, Scene.fourthPhone, Scene.strangersPhone,
    ]
    private static let users = [Scene.caller, Scene.callee, Scene.third, Scene.fourth, Scene.stranger]

    private var random: SplitMix64

    init(seed: UInt64) {
        random = SplitMix64(state: seed)
    }

    /// Runs the schedule; `watch` sees each transition and the call before it.
    mutating func run(_ watch: (Call?, CallTransition) -> Void) {
        var rules = CallRules()
        rules.screenSharing = pick(CallRules.ScreenSharing.allCases)
        if chance(5) { rules.timings.maxDuration = .seconds(60) }
        let placed = Call.place(invitation(), rules: rules, at: Scene.start)
        watch(nil, placed)
        var scene = Scene(call: placed.call)
        for _ in 0..<80 where !scene.call.isEnded {
            // Usually in quick succession, now and then after a pause in which something becomes due.
            scene.wait(
                Instant.Span(microseconds: Int64.random(in: 0...(chance(8) ? 40_000_000 : 3_000_000), using: &random)))
            if chance(40) {
                scene.call = scene.call.adopted(at: scene.now, lastSeen: scene.now)
                // As in the database when a call gets another owner.
                scene.call.revision = (scene.call.revision >> 32 + 1) << 32
            }
            // What is due comes first, as a separate step: so a transition is one step of the machine.
            for input in [.timePassed, input(scene.call)] {
                let before = scene.call
                watch(before, scene.handle(input))
            }
        }
        for _ in 0..<20 where !scene.call.isEnded {
            let before = scene.call
            watch(before, scene.waitForDeadline())
        }
    }

    private mutating func invitation() -> Invitation {
        var invitation = Scene.invitation(isCalleeBusy: chance(10))
        if chance(10) { invitation.callees[0].isHidden = true }
        if Bool.random(using: &random) {
            invitation.mode = .group
            invitation.callees += [Callee(Scene.third, isBusy: chance(10)), Callee(Scene.fourth, isHidden: chance(10))]
        }
        return invitation
    }

    private mutating func input(_ call: Call) -> CallInput {
        let origin = pick(Self.origins)
        let request = RequestID(high: 1, low: UInt64.random(in: 0..<400, using: &random))
        let user = pick(Self.users)
        return switch Int.random(in: 0..<26, using: &random) {
        case 0, 1: .command(.accept(request, MediaState(camera: true)), from: origin)
        case 2: .command(.decline(request, isBusy: false, reachable: []), from: origin)
        case 3: .command(.decline(request, isBusy: true, reachable: [origin.device]), from: origin)
        case 4: .command(chance(3) ? .cancel(request) : .fetch, from: origin)
        case 5, 6: .command(.hangUp(request, mediaFailed: chance(3)), from: origin)
        case 7: .command(.move(request, MediaState()), from: origin)
        case 8, 9: .command(.join(request, MediaState(), isMember: chance(2)), from: origin)
        case 10: .command(.add(request, [Callee(user, isBusy: chance(4), isHidden: chance(6))]), from: origin)
        case 11, 12: .command(.startScreenShare(request), from: origin)
        case 13: .command(.stopScreenShare(request), from: origin)
        case 14: .command(.signal(.offer(generation: UInt32.random(in: 0...2, using: &random)), to: user), from: origin)
        case 15: .command(.hold(chance(2)), from: origin)
        case 16: .command(.ringing(wokenByPush: chance(2)), from: origin)
        case 17, 18: .command(.control(request, control(user)), from: Scene.callerPhone)
        case 19: .command(.control(request, control(user)), from: origin)
        case 20: .deviceLost(origin.user, origin.device)
        case 21, 22: .deviceReturned(origin.user, origin.device)
        case 23: .ringingFeigned(user)
        case 24 where chance(3): expulsion(origin)
        default: .timePassed
        }
    }

    private mutating func expulsion(_ origin: CallOrigin) -> CallInput {
        pick([
            .membershipEnded(origin.user), .deviceLoggedOut(origin.user, origin.device), .userLoggedOut(origin.user),
        ])
    }

    private mutating func control(_ user: UserID) -> HostControl {
        switch Int.random(in: 0..<12, using: &random) {
        case 0, 1: .setRole(user, pick(Participant.Role.allCases))
        case 2: .stopMedia(pick(Medium.allCases), of: chance(3) ? nil : user)
        case 3, 4, 5: .remove(user, isBarred: chance(2))
        case 6, 7: .lock(chance(2))
        case 8, 9, 10: .admit(user, isAdmitted: chance(2))
        default: .end
        }
    }

    /// True with probability 1 in `times`.
    private mutating func chance(_ times: Int) -> Bool { Int.random(in: 0..<times, using: &random) == 0 }

    private mutating func pick<Element>(_ elements: [Element]) -> Element {
        elements[Int.random(in: 0..<elements.count, using: &random)]
    }
}

/// A small seeded generator, so that a schedule can be run again.
struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
