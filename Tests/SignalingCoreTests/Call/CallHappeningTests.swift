import Primitives
import Testing

@testable import SignalingCore

@Suite("What has happened in a call")
struct CallHappeningTests {
    /// Indices of the caller, the callee, the third, the fourth, who is rung in a group call, and of a newcomer.
    private static let (caller, callee, third, fourth, newcomer) = (0, 1, 2, 3, 4)
    private static let ringEnd = Scene.start + .seconds(45)

    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let act: @Sendable () -> CallTransition
        let expected: [CallHappening]

        init(_ name: String, _ expected: [CallHappening], _ act: @escaping @Sendable () -> CallTransition) {
            (self.name, self.act, self.expected) = (name, act, expected)
        }

        var testDescription: String { name }
    }

    /// Does something in a direct call that rings, or in one that was answered.
    private static func direct(
        _ name: String, answered: Bool = false, _ expected: [CallHappening],
        _ act: @escaping @Sendable (inout Scene) -> CallTransition
    ) -> Case {
        Case(name, expected) {
            var scene = answered ? Scene.ongoing() : Scene.ringing()
            return act(&scene)
        }
    }

    /// Does something in a group call of three in which a fourth is rung.
    private static func group(
        _ name: String, _ expected: [CallHappening], _ act: @escaping @Sendable (inout Scene) -> CallTransition
    ) -> Case {
        Case(name, expected) {
            var scene = Scene.groupOngoing()
            scene.wait(.seconds(2))
            return act(&scene)
        }
    }

    /// The same, but the fourth must not know of the call.
    private static func hidden(
        _ name: String, _ expected: [CallHappening], _ act: @escaping @Sendable (inout Scene) -> CallTransition
    ) -> Case {
        Case(name, expected) {
            var invitation = Scene.invitation()
            invitation.mode = .group
            invitation.callees += [Callee(Scene.third), Callee(Scene.fourth, isHidden: true)]
            var scene = Scene(call: Call.place(invitation, rules: CallRules(), at: Scene.start).call)
            for origin in [Scene.calleePhone, Scene.thirdPhone] {
                scene.send(.accept(scene.request(), MediaState()), from: origin)
            }
            scene.wait(.seconds(2))
            return act(&scene)
        }
    }

    private static func place(isBusy: Bool = false, isHidden: Bool = false) -> CallTransition {
        var invitation = Scene.invitation(isCalleeBusy: isBusy)
        invitation.callees[0].isHidden = isHidden
        return Call.place(invitation, rules: CallRules(), at: Scene.start)
    }

    private static let rings = [
        Case("placed", [.placed, .joined(caller), .rang(callee, .heard)]) { place() },
        Case("placed to somebody who must not hear", [.placed, .joined(caller), .rang(callee, .unheard)]) {
            place(isHidden: true)
        },
        Case(
            "placed to somebody busy",
            [.placed, .left(caller, .callEnded, wasIn: false), .declined(callee, .busy), .ended(.busy)]
        ) { place(isBusy: true) },
        direct(
            "answered",
            [.stoppedRinging(callee, until: ringEnd, .answeredElsewhere), .joined(callee), .answered]
        ) { $0.send(.accept($0.request(), MediaState()), from: Scene.calleePhone) },
        direct(
            "declined",
            [
                .left(caller, .callEnded, wasIn: true), .stoppedRinging(callee, until: ringEnd, .declinedElsewhere),
                .declined(callee, .declined), .ended(.declined),
            ]
        ) { $0.send(.decline($0.request(), isBusy: false, reachable: []), from: Scene.calleePhone) },
        direct(
            "cancelled",
            [
                .left(caller, .hangup, wasIn: true), .stoppedRinging(callee, until: ringEnd, .cancelled),
                .left(callee, .cancelled, wasIn: false), .ended(.cancelled),
            ]
        ) { $0.send(.cancel($0.request()), from: Scene.callerPhone) },
        direct(
            "not answered",
            [
                .left(caller, .callEnded, wasIn: true), .stoppedRinging(callee, until: ringEnd, .noAnswer),
                .left(callee, .noAnswer, wasIn: false), .ended(.noAnswer),
            ]
        ) { $0.waitForDeadline() },
        direct(
            "the caller does not come back",
            [
                .left(caller, .disconnected, wasIn: true),
                .stoppedRinging(callee, until: ringEnd, .callerDisconnected),
                .left(callee, .callEnded, wasIn: false), .ended(.callerDisconnected),
            ]
        ) {
            $0.handle(.deviceLost(Scene.caller, Scene.callerPhone.device))
            return $0.waitForDeadline()
        },
        direct("a woken device rings on", [.shown(callee), .amended(callee), .ringProlonged]) {
            $0.wait(.seconds(40))
            return $0.send(.ringing(wokenByPush: true), from: Scene.calleePhone)
        },
        group("a second ring beside the first", [.amended(fourth)]) {
            $0.wait(.seconds(20))
            return $0.add(Callee(Scene.fourth), from: Scene.thirdPhone)
        },
        group(
            "removed while being rung",
            [.stoppedRinging(fourth, until: ringEnd, .removed), .left(fourth, .removed, wasIn: false)]
        ) {
            $0.control(.remove(Scene.fourth, isBarred: false), from: Scene.callerPhone)
        },
        group("busy", [.stoppedRinging(fourth, until: ringEnd, .declinedElsewhere), .declined(fourth, .busy)]) {
            $0.send(.decline($0.request(), isBusy: true, reachable: []), from: Scene.fourthPhone)
        },
        direct("somebody is added", answered: true, [.rang(third, .heard), .grew]) {
            $0.add(Callee(Scene.third), from: Scene.calleePhone)
        },
        Case("somebody is added while the call rings", [.rang(newcomer, .heard), .ringProlonged]) {
            var scene = Scene.groupRinging()
            scene.wait(.seconds(10))
            return scene.add(Callee(Scene.stranger), from: Scene.callerPhone)
        },
    ]

    private static let unheard = [
        hidden("a welcome ring beside one that is not heard", [.revealed(fourth), .rang(fourth, .heardAtLast)]) {
            $0.add(Callee(Scene.fourth), from: Scene.thirdPhone)
        },
        hidden("a welcome ring of somebody busy", [.revealed(fourth), .declined(fourth, .busy)]) {
            $0.add(Callee(Scene.fourth, isBusy: true), from: Scene.thirdPhone)
        },
        hidden("it seems to ring", [.shown(fourth)]) { $0.handle(.ringingFeigned(Scene.fourth)) },
        hidden("it seems to ring no more", [.left(fourth, .noAnswer, wasIn: false)]) { $0.waitForDeadline() },
        hidden("a welcome ring after one that was not heard", [.revealed(fourth), .rang(fourth, .heard)]) {
            $0.waitForDeadline()
            return $0.add(Callee(Scene.fourth), from: Scene.thirdPhone)
        },
        hidden("who must not hear comes by themselves", [.revealed(fourth), .joined(fourth)]) {
            $0.join(Scene.fourthPhone)
        },
        group("rung again by somebody who is not welcome", [.rang(fourth, .unheard), .shutOut(fourth)]) {
            $0.send(.decline($0.request(), isBusy: false, reachable: []), from: Scene.fourthPhone)
            $0.wait(.seconds(40))
            return $0.add(Callee(Scene.fourth, isHidden: true), from: Scene.callerPhone)
        },
    ]

    private static let people = [
        direct("moved", answered: true, [.moved(callee, from: Scene.calleePhone.device)]) {
            $0.send(.move($0.request(), MediaState(camera: true)), from: Scene.calleeLaptop)
        },
        direct("muted", answered: true, [.shown(callee)]) { $0.send(.setMedia(MediaState()), from: Scene.calleePhone) },
        direct("on hold", answered: true, [.shown(callee)]) { $0.send(.hold(true), from: Scene.calleePhone) },
        group("a hand is raised", [.shown(third)]) {
            $0.send(.raiseHand(true, of: Scene.third), from: Scene.thirdPhone)
        },
        group("out of reach", [.shown(third)]) { $0.handle(.deviceLost(Scene.third, Scene.thirdPhone.device)) },
        direct(
            "answered while the caller is disconnected",
            [
                .awaited(caller), .stoppedRinging(callee, until: ringEnd, .answeredElsewhere), .joined(callee),
                .answered,
            ]
        ) {
            $0.handle(.deviceLost(Scene.caller, Scene.callerPhone.device))
            return $0.send(.accept($0.request(), MediaState()), from: Scene.calleePhone)
        },
        direct(
            "hung up", answered: true,
            [.left(caller, .hangup, wasIn: true), .left(callee, .callEnded, wasIn: true), .ended(.hangup)]
        ) { $0.hangUp(Scene.callerPhone) },
        group("left and back", [.joined(third)]) {
            $0.hangUp(Scene.thirdPhone)
            return $0.join(Scene.thirdLaptop)
        },
        group("barred", [.left(third, .kicked, wasIn: true), .shutOut(third)]) {
            $0.control(.remove(Scene.third, isBarred: true), from: Scene.callerPhone)
        },
        group("barred after leaving", [.left(third, .kicked, wasIn: false), .shutOut(third)]) {
            $0.hangUp(Scene.thirdPhone)
            return $0.control(.remove(Scene.third, isBarred: true), from: Scene.callerPhone)
        },
        group("a member no more", [.left(third, .removed, wasIn: true), .shutOut(third)]) {
            $0.handle(.membershipEnded(Scene.third))
        },
        group("a member no more, after leaving", [.shutOut(third)]) {
            $0.hangUp(Scene.thirdPhone)
            return $0.handle(.membershipEnded(Scene.third))
        },
        group("a member no more, after being barred", [.amended(third)]) {
            $0.control(.remove(Scene.third, isBarred: true), from: Scene.callerPhone)
            return $0.handle(.membershipEnded(Scene.third))
        },
        group("another host", [.roleChanged(caller), .roleChanged(callee)]) {
            $0.control(.setRole(Scene.callee, .host), from: Scene.callerPhone)
        },
        group(
            "the host goes", [.left(caller, .hangup, wasIn: true), .roleChanged(caller), .roleChanged(callee)]
        ) { $0.hangUp(Scene.callerPhone) },
    ]

    private static let others = [
        direct(
            "a screen", answered: true,
            [.shareBegan(Call.ScreenShare(sharer: Scene.callee, startedAt: Scene.start + .seconds(5)))]
        ) { $0.send(.startScreenShare($0.request()), from: Scene.calleePhone) },
        direct(
            "another screen", answered: true,
            [
                .shareEnded(Scene.callee, at: Scene.start + .seconds(6), .replaced),
                .shareBegan(Call.ScreenShare(sharer: Scene.caller, startedAt: Scene.start + .seconds(6))),
            ]
        ) {
            $0.send(.startScreenShare($0.request()), from: Scene.calleePhone)
            $0.wait(.seconds(1))
            return $0.send(.startScreenShare($0.request()), from: Scene.callerPhone)
        },
        direct(
            "a screen goes with its device", answered: true,
            [
                .moved(callee, from: Scene.calleePhone.device),
                .shareEnded(Scene.callee, at: Scene.start + .seconds(5), .stopped),
            ]
        ) {
            $0.send(.startScreenShare($0.request()), from: Scene.calleePhone)
            return $0.send(.move($0.request(), MediaState()), from: Scene.calleeLaptop)
        },
        group("locked", [.lockChanged]) { $0.control(.lock(true), from: Scene.callerPhone) },
        group("somebody asks to be let in", [.lobbyChanged]) {
            $0.control(.lock(true), from: Scene.callerPhone)
            return $0.join(Scene.strangersPhone)
        },
        group("somebody asks again", [.askedAgain]) {
            $0.control(.lock(true), from: Scene.callerPhone)
            $0.join(Scene.strangersPhone)
            return $0.send(.join($0.request(), MediaState(), isMember: true), from: Scene.strangersPhone)
        },
        group("somebody is let in", [.joined(newcomer), .lobbyChanged]) {
            $0.control(.lock(true), from: Scene.callerPhone)
            $0.join(Scene.strangersPhone)
            return $0.control(.admit(Scene.stranger, isAdmitted: true), from: Scene.callerPhone)
        },
        group(
            "ended for all",
            [
                .left(caller, .callEnded, wasIn: true), .left(callee, .callEnded, wasIn: true),
                .left(third, .callEnded, wasIn: true), .stoppedRinging(fourth, until: ringEnd, .callEnded),
                .left(fourth, .callEnded, wasIn: false), .ended(.endedByHost),
            ]
        ) { $0.control(.end, from: Scene.callerPhone) },
        direct("a signal", answered: true, []) {
            $0.send(.signal(.offer(), to: Scene.caller), from: Scene.calleePhone)
        },
        direct("a question", answered: true, []) { $0.send(.fetch, from: Scene.calleePhone) },
        direct("a refusal", answered: true, []) { $0.send(.cancel($0.request()), from: Scene.calleePhone) },
    ]

    static let cases = rings + unheard + people + others

    @Test("Each change gives the right happenings, and no others", arguments: cases)
    func table(_ example: Case) {
        #expect(example.act().happenings == example.expected)
    }

    /// A new kind does not compile until it is named here, and counted.
    @Test("The table contains each kind")
    func kinds() {
        var seen: Set<String> = []
        for happening in Self.cases.flatMap(\.expected) {
            switch happening {
            case .rang(_, let beginning): seen.insert("rang \(beginning)")
            case .stoppedRinging(_, _, let reason): seen.insert("stopped ringing: \(reason)")
            case .placed, .answered, .revealed, .joined, .moved, .declined, .left, .roleChanged, .shutOut, .shown,
                .amended, .awaited, .shareEnded, .shareBegan, .grew, .lockChanged, .ringProlonged, .lobbyChanged,
                .askedAgain, .ended:
                seen.insert(String("\(happening)".prefix { $0 != "(" }))
            }
        }
        #expect(seen.count == 20 + CallHappening.RingBeginning.allCases.count + RingStopReason.allCases.count)
    }

    @Test("There are no happenings if and only if nobody sees a difference")
    func nothing() {
        var quiet = 0
        for seed in 1...600 as ClosedRange<UInt64> {
            var walk = RandomWalk(seed: seed)
            walk.run { before, transition in
                guard let before else {
                    #expect(transition.isPlacing && transition.call.revision == 1)
                    return
                }
                let call = transition.call
                let isSame =
                    before.phase == call.phase && before.mode == call.mode && before.isLocked == call.isLocked
                    && before.ringExpiresAt == call.ringExpiresAt && before.participants == call.participants
                    && before.screenShares == call.screenShares && before.joinRequests == call.joinRequests
                #expect(transition.happenings.isEmpty == isSame, "seed \(seed)")
                #expect((call.revision == before.revision) == isSame, "seed \(seed)")
                #expect(!transition.isPlacing)
                if isSame { quiet += 1 }
            }
        }
        #expect(quiet > 1000)
    }

    @Test("A participant's row is written once, if and only if its contents have changed")
    func rows() {
        var (written, unwritten) = (0, 0)
        for seed in 1...600 as ClosedRange<UInt64> {
            var walk = RandomWalk(seed: seed)
            walk.run { before, transition in
                let rows = transition.changes.compactMap { change -> Participant? in
                    if case .putParticipant(let participant) = change { participant } else { nil }
                }
                let old = before?.participants ?? []
                let expected = transition.call.participants.enumerated().filter { place, participant in
                    place >= old.count || old[place].record != participant.record
                }
                #expect(rows == expected.map(\.element), "seed \(seed)")
                written += rows.count
                if rows.isEmpty, !transition.happenings.isEmpty { unwritten += 1 }
            }
        }
        #expect(written > 2000 && unwritten > 200)
    }

    @Test("Happenings of participants come in the order of their indices, the end comes last")
    func order() {
        for seed in 1...300 as ClosedRange<UInt64> {
            var walk = RandomWalk(seed: seed)
            walk.run { before, transition in
                let places = transition.happenings.compactMap(\.place)
                #expect(places == places.sorted(), "seed \(seed)")
                if let reason = transition.call.endReason, before?.isEnded != true {
                    #expect(transition.happenings.last == .ended(reason), "seed \(seed)")
                }
            }
        }
    }
}
