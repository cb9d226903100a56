import Primitives
import Testing

@testable import SignalingCore

@Suite("The life of a group call")
struct CallGroupTests {
    static let request = RequestID(high: 5, low: 5)

    @Test("A group call rings everybody who is called, each with a deadline")
    func place() {
        let scene = Scene.groupRinging()
        #expect(scene.call.mode == .group && scene.call.phase == .initiated)
        #expect(scene.call.participants.map(\.role) == [.host, .participant, .participant, .participant])
        #expect(scene.call.participants.dropFirst().allSatisfy { $0.isRinging && $0.rungAt == Scene.start })
        #expect(scene.call.nextDeadline == Scene.start + .seconds(45))
    }

    @Test("The first answer makes it ongoing; the others ring on until their own deadline")
    func ringsOn() {
        var scene = Scene.groupRinging()
        scene.wait(.seconds(1))
        scene.send(.accept(scene.request(), MediaState()), from: Scene.calleePhone)
        #expect(scene.call.phase == .ongoing(answeredAt: scene.now))
        #expect(scene.call.participant(Scene.third)?.isRinging == true)
        let transition = scene.waitForDeadline()
        #expect(scene.state(Scene.third) == .left(joinedAt: nil, at: Scene.start + .seconds(45), .noAnswer))
        #expect(transition.events.contains(CallDelivery(to: .user(Scene.third), .ringStopped(.noAnswer))))
        #expect(!scene.call.isEnded)
    }

    @Test("A decline affects only that participant, before and after the answer")
    func decline() {
        for var scene in [Scene.groupRinging(), Scene.groupOngoing()] {
            let transition = scene.send(
                .decline(scene.request(), isBusy: false, reachable: []), from: Scene.fourthPhone)
            #expect(scene.state(Scene.fourth) == .declined(at: scene.now, .declined))
            #expect(transition.changes.count == 2 && !scene.call.isEnded)
        }
    }

    /// The answers of the callees of a group call, one after the other, and the end reason of the call.
    static let ringEnds: [([Bool?], Call.EndReason)] = [
        ([false, false, false], .declined), ([true, true, true], .busy), ([false, true, false], .noAnswer),
        ([false, false, nil], .noAnswer), ([nil, nil, nil], .noAnswer),
    ]

    @Test("When the last one stops ringing the call is missed, for the reason that all share", arguments: ringEnds)
    func ringEnd(_ answers: [Bool?], _ reason: Call.EndReason) {
        var scene = Scene.groupRinging()
        for (origin, isBusy) in zip([Scene.calleePhone, Scene.thirdPhone, Scene.fourthPhone], answers) {
            guard let isBusy else { continue }
            scene.send(.decline(scene.request(), isBusy: isBusy, reachable: [origin.device]), from: origin)
        }
        if scene.call.endReason == nil { scene.waitForDeadline() }
        #expect(scene.call.endReason == reason)
        #expect(scene.call.answeredAt == nil)
    }

    @Test("Busy callees are not rung; when all are busy the call is over at once")
    func busy() {
        var invitation = Scene.invitation(isCalleeBusy: true)
        invitation.mode = .group
        invitation.callees.append(Callee(Scene.third))
        var call = Call.place(invitation, rules: CallRules(), at: Scene.start).call
        #expect(call.phase == .initiated)
        #expect(call.participant(Scene.callee)?.state == .declined(at: Scene.start, .busy))
        invitation.callees[1].isBusy = true
        call = Call.place(invitation, rules: CallRules(), at: Scene.start).call
        #expect(call.phase == .missed(endedAt: Scene.start, .busy))
    }

    @Test("When the caller ends a group call that nobody has answered, it ends for all")
    func cancel() {
        var scene = Scene.groupRinging()
        let transition = scene.send(.cancel(scene.request()), from: Scene.callerPhone)
        #expect(scene.call.endReason == .cancelled)
        for user in [Scene.callee, Scene.third, Scene.fourth] {
            #expect(transition.events.contains(CallDelivery(to: .user(user), .ringStopped(.cancelled))))
        }
    }

    @Test("A user who leaves does not end the call; those who stay are told")
    func leave() {
        var scene = Scene.groupOngoing()
        let transition = scene.hangUp(Scene.calleePhone)
        #expect(!scene.call.isEnded)
        #expect(transition.tells(.user(Scene.third)) && transition.tells(.user(Scene.caller)))
    }

    @Test("Alone for 120 s, with nobody being rung, ends the call; the time runs from when it became so")
    func alone() {
        var scene = Scene.groupOngoing()
        scene.wait(.seconds(2))
        scene.hangUp(Scene.calleePhone)
        scene.wait(.seconds(2))
        scene.hangUp(Scene.thirdPhone)
        // The fourth is still being rung: nobody is alone yet.
        #expect(scene.call.nextDeadline == Scene.start + .seconds(45))
        scene.waitForDeadline()
        #expect(!scene.call.isEnded)
        #expect(scene.call.nextDeadline == Scene.start + .seconds(45 + 120))
        scene.waitForDeadline()
        #expect(scene.call.endReason == .alone)
        #expect(scene.call.endedAt == Scene.start + .seconds(45 + 120))
    }

    @Test("Somebody who joins is company: the time alone starts over")
    func companyComes() {
        var scene = Scene.groupOngoing()
        scene.send(.decline(scene.request(), isBusy: false, reachable: []), from: Scene.fourthPhone)
        scene.hangUp(Scene.calleePhone)
        scene.hangUp(Scene.thirdPhone)
        scene.wait(.seconds(119))
        scene.join(Scene.thirdPhone)
        scene.wait(.seconds(60))
        #expect(scene.handle(.timePassed).call.isEnded == false)
        scene.hangUp(Scene.thirdPhone)
        #expect(scene.call.nextDeadline == scene.now + .seconds(120))
    }

    @Test("With nobody in it the call ends after 20 s, rung or not; a join cancels that")
    func empty() {
        var scene = Scene.groupOngoing()
        for origin in [Scene.callerPhone, Scene.calleePhone, Scene.thirdPhone] { scene.hangUp(origin) }
        #expect(scene.call.nextDeadline == scene.now + .seconds(20))
        var joined = scene
        joined.wait(.seconds(19))
        joined.join(Scene.thirdPhone)
        #expect(joined.call.nextDeadline != scene.call.nextDeadline)
        #expect(!joined.call.isEnded)
        let transition = scene.waitForDeadline()
        #expect(scene.call.endReason == .empty)
        #expect(transition.events.contains(CallDelivery(to: .user(Scene.fourth), .ringStopped(.callEnded))))
        // A user who has left is told that there is nothing to return to.
        #expect(transition.events.contains(CallDelivery(to: .user(Scene.third), .updated)))
    }

    @Test("A member joins without being rung; a stranger is told that there is no such call")
    func join() {
        var scene = Scene.groupOngoing()
        #expect(scene.join(Scene.strangersPhone, isMember: false).refusal == .notFound)
        let transition = scene.join(Scene.strangersPhone)
        #expect(transition.refusal == nil)
        #expect(scene.call.participant(Scene.stranger)?.connection?.joinedAt == scene.now)
        #expect(transition.tells(.user(Scene.caller)))
        #expect(scene.join(Scene.strangersPhone).refusal == nil)
        #expect(scene.join(Scene.thirdLaptop).refusal == .answeredElsewhere)
    }

    @Test("A member's join answers a call that still rings")
    func joinWhileRinging() {
        var scene = Scene.groupRinging()
        scene.join(Scene.strangersPhone)
        #expect(scene.call.answeredAt == scene.now)
    }

    @Test("A member who left or declined may come back, with a new joining time")
    func rejoin() {
        var scene = Scene.groupOngoing()
        scene.hangUp(Scene.thirdPhone)
        scene.send(.decline(scene.request(), isBusy: false, reachable: []), from: Scene.fourthPhone)
        scene.wait(.seconds(9))
        for origin in [Scene.thirdLaptop, Scene.fourthPhone] {
            #expect(scene.join(origin, isMember: false).refusal == .notFound)
            #expect(scene.join(origin).refusal == nil)
            #expect(scene.call.participant(origin.user)?.connection?.joinedAt == scene.now)
        }
    }

    @Test("A direct call cannot be joined")
    func joinDirect() {
        var scene = Scene.ongoing()
        #expect(scene.join(Scene.strangersPhone).refusal == .notFound)
        #expect(scene.join(Scene.callerPhone).refusal == nil)
    }

    @Test("A running direct call grows into a group call when somebody is added")
    func grow() {
        var scene = Scene.ongoing()
        let transition = scene.add(Callee(Scene.third), from: Scene.calleePhone)
        #expect(scene.call.mode == .group && transition.changes.contains(.updateCall))
        #expect(transition.events.contains(CallDelivery(to: .user(Scene.third), .incoming)))
        #expect(scene.call.participant(Scene.third)?.isRinging == true)
        scene.hangUp(Scene.callerPhone)
        #expect(!scene.call.isEnded)
        #expect(scene.role(Scene.callee) == .host)
    }

    @Test("A direct call that still rings does not grow")
    func growTooEarly() {
        var scene = Scene.ringing()
        #expect(scene.add(Callee(Scene.third), from: Scene.callerPhone).refusal == .wrongState)
    }

    @Test("Only a device that is in the call adds people")
    func addRights() {
        var scene = Scene.groupOngoing()
        #expect(scene.add(Callee(Scene.stranger), from: Scene.fourthPhone).refusal == .wrongState)
        #expect(scene.add(Callee(Scene.stranger), from: Scene.thirdLaptop).refusal == .wrongState)
        #expect(scene.add(Callee(Scene.stranger), from: Scene.thirdPhone).refusal == nil)
    }

    @Test("Adding somebody who is in the call changes nothing; a ringing user gets more time, up to two rings")
    func addPresent() {
        var scene = Scene.groupOngoing()
        let transition = scene.add(Callee(Scene.callee), from: Scene.thirdPhone)
        #expect(transition.refusal == nil && transition.changes.isEmpty)
        for (second, until) in [(10, 55), (50, 90), (80, 90)] as [(Int64, Int64)] {
            scene.now = Scene.start + .seconds(second)
            #expect(scene.add(Callee(Scene.fourth), from: Scene.thirdPhone).refusal == nil)
            #expect(scene.call.participant(Scene.fourth)?.ringing?.until == Scene.start + .seconds(until))
            #expect(scene.call.participant(Scene.fourth)?.rungAt == Scene.start)
        }
    }

    @Test("The same person is rung again after 30 s at the earliest")
    func ringAgain() {
        var scene = Scene.groupOngoing()
        scene.send(.decline(scene.request(), isBusy: false, reachable: []), from: Scene.fourthPhone)
        let tooSoon = scene.add(Callee(Scene.fourth), from: Scene.thirdPhone)
        #expect(tooSoon.refusal == .rungJustNow(retryAfter: .seconds(28)))
        scene.wait(Instant.Span(microseconds: 27_999_999))
        #expect(scene.add(Callee(Scene.fourth), from: Scene.thirdPhone).refusal != nil)
        scene.wait(Instant.Span(microseconds: 1))
        let transition = scene.add(Callee(Scene.fourth), from: Scene.thirdPhone)
        #expect(transition.refusal == nil)
        #expect(transition.events.contains(CallDelivery(to: .user(Scene.fourth), .incoming)))
        #expect(scene.call.participant(Scene.fourth)?.rungAt == scene.now)
    }

    @Test("Of several users, those who can be rung are rung")
    func addSome() {
        var scene = Scene.groupOngoing()
        scene.send(.decline(scene.request(), isBusy: false, reachable: []), from: Scene.fourthPhone)
        let transition = scene.add(Callee(Scene.fourth), Callee(Scene.stranger), from: Scene.thirdPhone)
        #expect(transition.refusal == nil)
        #expect(scene.call.participant(Scene.fourth)?.isRinging == false)
        #expect(scene.call.participant(Scene.stranger)?.isRinging == true)
    }

    @Test("A busy device of an earlier ring does not count for the next")
    func busyAgain() {
        var scene = Scene.groupOngoing()
        let both: Set = [Scene.fourthPhone.device, DeviceID(high: 55, low: 2)]
        scene.send(.decline(scene.request(), isBusy: true, reachable: both), from: Scene.fourthPhone)
        scene.waitForDeadline()
        scene.add(Callee(Scene.fourth), from: Scene.thirdPhone)
        let other = CallOrigin(user: Scene.fourth, device: DeviceID(high: 55, low: 2))
        scene.send(.decline(scene.request(), isBusy: true, reachable: both), from: other)
        #expect(scene.call.participant(Scene.fourth)?.isRinging == true)
    }

    @Test("A full call admits nobody, and rings nobody")
    func full() {
        var rules = CallRules()
        rules.participantLimit = 4
        var scene = Scene.groupOngoing(rules)
        #expect(scene.join(Scene.strangersPhone).refusal == .callFull)
        #expect(scene.add(Callee(Scene.stranger), from: Scene.thirdPhone).refusal == .callFull)
        scene.hangUp(Scene.thirdPhone)
        #expect(scene.join(Scene.strangersPhone).refusal == nil)
    }

    @Test("However long people ring others, a call's size is limited; its former participants may come back")
    func total() {
        var rules = CallRules()
        rules.participantLimit = 4
        rules.timings.maxDuration = .seconds(1_000_000)
        var scene = Scene.groupOngoing(rules)
        scene.waitForDeadline()
        for number in scene.call.participants.count..<rules.totalParticipantLimit {
            let added = scene.add(Callee(UserID(high: 99, low: UInt64(number))), from: Scene.callerPhone)
            #expect(added.refusal == nil)
            scene.waitForDeadline()
        }
        #expect(scene.add(Callee(Scene.stranger), from: Scene.callerPhone).refusal == .callFull)
        #expect(scene.join(Scene.strangersPhone).refusal == .callFull)
        #expect(scene.add(Callee(Scene.fourth), from: Scene.callerPhone).refusal == nil)
        #expect(scene.join(Scene.fourthPhone).refusal == nil)
    }

    @Test("A clock that goes back does not reverse the times")
    func clockGoesBack() {
        var scene = Scene.groupOngoing()
        let answeredAt = scene.call.answeredAt
        scene.now = Scene.start - .seconds(3600)
        scene.hangUp(Scene.thirdPhone)
        scene.control(.end, from: Scene.callerPhone)
        for participant in scene.call.participants {
            if case .left(let joinedAt?, let at, _) = participant.state { #expect(joinedAt <= at) }
        }
        #expect(scene.call.answeredAt == answeredAt)
        #expect(scene.call.endedAt == Scene.start + .seconds(2))
    }

    @Test("Hold and a raised hand are shown to the others and not stored")
    func holdAndHand() {
        var scene = Scene.groupOngoing()
        let held = scene.send(.hold(true), from: Scene.thirdPhone)
        #expect(held.changes.isEmpty && held.tells(.user(Scene.caller)))
        #expect(scene.call.participant(Scene.third)?.connection?.isOnHold == true)
        scene.send(.raiseHand(true, of: Scene.third), from: Scene.thirdPhone)
        let raisedAt = scene.now
        scene.wait(.seconds(1))
        scene.send(.raiseHand(true, of: Scene.third), from: Scene.thirdPhone)
        #expect(scene.call.participant(Scene.third)?.connection?.handRaisedAt == raisedAt)
        #expect(scene.send(.raiseHand(false, of: Scene.third), from: Scene.calleePhone).refusal == .forbidden)
        #expect(scene.send(.raiseHand(true, of: Scene.callee), from: Scene.callerPhone).refusal == .forbidden)
        #expect(scene.send(.raiseHand(false, of: Scene.third), from: Scene.callerPhone).refusal == nil)
        #expect(scene.call.participant(Scene.third)?.connection?.handRaisedAt == nil)
        #expect(scene.send(.hold(true), from: Scene.thirdLaptop).refusal == .wrongState)
    }
}

@Suite("Ringing: extension and users who must not know of it")
struct CallRingingTests {
    @Test("A device that was woken by a push gets at least 20 s, once, up to 75 s")
    func extend() {
        var scene = Scene.ringing()
        scene.wait(.seconds(20))
        scene.send(.ringing(wokenByPush: true), from: Scene.calleePhone)
        #expect(scene.call.ringExpiresAt == Scene.start + .seconds(45), "25 s are left: enough")
        scene.wait(.seconds(20))
        let transition = scene.send(.ringing(wokenByPush: true), from: Scene.calleePhone)
        #expect(scene.call.ringExpiresAt == Scene.start + .seconds(60))
        #expect(scene.call.nextDeadline == Scene.start + .seconds(60))
        #expect(transition.changes.count == 2)
        scene.wait(.seconds(15))
        scene.send(.ringing(wokenByPush: true), from: Scene.calleeLaptop)
        #expect(scene.call.nextDeadline == Scene.start + .seconds(60), "only once")
    }

    @Test("No ring is longer than the limit")
    func cap() {
        var rules = CallRules()
        rules.timings.ringExtension = .seconds(60)
        var scene = Scene(call: Call.place(Scene.invitation(), rules: rules, at: Scene.start).call)
        scene.wait(.seconds(40))
        scene.send(.ringing(wokenByPush: true), from: Scene.calleePhone)
        #expect(scene.call.nextDeadline == Scene.start + .seconds(75))
    }

    @Test("A device that did not have to be woken gets no more time")
    func noExtension() {
        var scene = Scene.ringing()
        scene.wait(.seconds(40))
        scene.send(.ringing(wokenByPush: false), from: Scene.calleePhone)
        #expect(scene.call.nextDeadline == Scene.start + .seconds(45))
    }

    static let name = RequestID(high: 6, low: 6)

    /// A call from a user from whom the callee does not want to be called.
    static func hidden(isBusy: Bool = false) -> Scene {
        var invitation = Scene.invitation()
        invitation.callees = [Callee(Scene.callee, isBusy: isBusy, isHidden: true)]
        return Scene(call: Call.place(invitation, rules: CallRules(), at: Scene.start).call)
    }

    @Test("A blocked caller hears ringing until the deadline, and the callee hears nothing", arguments: [false, true])
    func blocked(_ isBusy: Bool) {
        var invitation = Scene.invitation()
        invitation.callees = [Callee(Scene.callee, isBusy: isBusy, isHidden: true)]
        let placed = Call.place(invitation, rules: CallRules(), at: Scene.start)
        #expect(placed.deliveries.allSatisfy { $0.address.user == Scene.caller })
        var scene = Scene(call: placed.call)
        #expect(scene.call.participant(Scene.callee)?.isRinging == true)
        #expect(scene.handle(.deviceReturned(Scene.callee, Scene.calleePhone.device)).deliveries.isEmpty)
        let seeming = scene.handle(.ringingFeigned(Scene.callee))
        #expect(scene.call.participant(Scene.callee)?.ringing?.isAlerted == true)
        #expect(seeming.deliveries.count == 1 && seeming.tells(.user(Scene.caller)) && seeming.changes.isEmpty)
        #expect(scene.handle(.ringingFeigned(Scene.callee)).deliveries.isEmpty)
        let ended = scene.waitForDeadline()
        #expect(scene.call.phase == .missed(endedAt: Scene.start + .seconds(45), .noAnswer))
        #expect(ended.deliveries.allSatisfy { $0.address.user == Scene.caller })
    }

    @Test("A user who must not know of a call is a stranger to it", arguments: CallLifeTests.strangersCommands)
    func strange(_ command: CallCommand) {
        var scene = Self.hidden()
        #expect(scene.send(command, from: Scene.calleePhone).refusal == .notFound)
    }

    @Test("Nothing is feigned for a user who may know of the call")
    func heard() {
        var scene = Scene.ringing()
        #expect(scene.handle(.ringingFeigned(Scene.callee)).deliveries.isEmpty)
        #expect(scene.call.participant(Scene.callee)?.ringing?.isAlerted == false)
    }

    @Test("A cancelled call to a user who must not know of it stays unheard")
    func cancelled() {
        var scene = Self.hidden()
        let transition = scene.send(.cancel(scene.request()), from: Scene.callerPhone)
        #expect(transition.deliveries.allSatisfy { $0.address.user == Scene.caller })
    }

    @Test("Glare reveals a hidden call: a user who calls wants to talk")
    func glare() {
        var scene = Self.hidden()
        let transition = scene.invite(Self.name, from: Scene.calleePhone)
        #expect(transition.call.answeredAt == scene.now)
        #expect(transition.call.participant(Scene.callee)?.isHidden == false)
        var later = Scene(call: transition.call)
        later.hangUp(Scene.calleePhone)
        #expect(later.call.isEnded)
    }
}
