import Primitives
import Testing

@testable import SignalingCore

@Suite("The life of a direct call")
struct CallLifeTests {
    @Test("An invite rings the callee on all devices, and the caller's other devices learn of it")
    func place() {
        let transition = Call.place(Scene.invitation(), rules: CallRules(), at: Scene.start)
        #expect(transition.call.phase == .initiated)
        #expect(transition.call.ringExpiresAt == Scene.start + .seconds(45))
        #expect(transition.call.nextDeadline == transition.call.ringExpiresAt)
        #expect(transition.changes == [.insertCall] + transition.call.participants.map { .putParticipant($0) })
        #expect(
            transition.deliveries == [
                CallDelivery(to: .others(Scene.caller, than: Scene.callerPhone.device), .updated),
                CallDelivery(to: .user(Scene.callee), .incoming),
            ])
    }

    @Test("A busy callee is not rung: the call is missed at once")
    func busy() {
        let transition = Call.place(Scene.invitation(isCalleeBusy: true), rules: CallRules(), at: Scene.start)
        #expect(transition.call.phase == .missed(endedAt: Scene.start, .busy))
        #expect(transition.call.participants[1].state == .declined(at: Scene.start, .busy))
        #expect(transition.call.nextDeadline == nil)
        #expect(transition.deliveries.last == CallDelivery(to: .user(Scene.callee), .updated))
    }

    @Test("The first device that accepts gets the call; the others stop ringing")
    func accept() throws {
        var scene = Scene.ringing()
        scene.wait(.seconds(5))
        let transition = scene.send(.accept(scene.request(), MediaState(microphone: true)), from: Scene.calleePhone)
        #expect(transition.refusal == nil)
        #expect(scene.call.phase == .ongoing(answeredAt: scene.now))
        let connection = try #require(scene.call.participant(Scene.callee)?.connection)
        #expect(connection.device == Scene.calleePhone.device)
        #expect(connection.joinedAt == scene.now)
        let difference = try #require(transition.difference)
        #expect(
            transition.events == [
                CallDelivery(to: .user(Scene.caller), .changed(difference)),
                CallDelivery(
                    to: .others(Scene.callee, than: Scene.calleePhone.device), .ringStopped(.answeredElsewhere)),
            ])
        #expect(transition.changes.first == .updateCall)
        #expect(transition.changes.count == 2)
    }

    @Test("A second device that accepts is told that the call was answered elsewhere")
    func acceptElsewhere() {
        var scene = Scene.ongoing()
        let before = scene.call
        let transition = scene.send(.accept(scene.request(), MediaState()), from: Scene.calleeLaptop)
        #expect(transition.refusal == .answeredElsewhere)
        #expect(transition.changes.isEmpty && transition.deliveries.isEmpty)
        #expect(scene.call == before)
    }

    @Test("An answer at the deadline is too late, however late the timer is")
    func acceptAtTheDeadline() {
        var scene = Scene.ringing()
        scene.now = scene.call.ringExpiresAt + .seconds(3)
        let transition = scene.send(.accept(scene.request(), MediaState()), from: Scene.calleePhone)
        #expect(transition.refusal == .callEnded)
        #expect(scene.call.phase == .missed(endedAt: scene.call.ringExpiresAt, .noAnswer))
        #expect(
            scene.call.participant(Scene.callee)?.state
                == .left(joinedAt: nil, at: scene.call.ringExpiresAt, .noAnswer))
    }

    @Test("The effect of a deadline is sent to every device, including the one whose command came too late")
    func overdueIsToldToAll() {
        var scene = Scene.ringing()
        scene.now = scene.call.ringExpiresAt
        let late = CallInput.command(.signal(.candidate("1"), to: Scene.callee), from: Scene.callerPhone)
        guard case .due(let due) = scene.call.handle(late, at: scene.now) else {
            Issue.record("nothing was due")
            return
        }
        #expect(due.tells(.user(Scene.caller)))
        #expect(scene.handle(late).droppedSignals == 1)
    }

    @Test("An answer one microsecond before the deadline is in time")
    func acceptBeforeTheDeadline() {
        var scene = Scene.ringing()
        scene.now = scene.call.ringExpiresAt - Instant.Span(microseconds: 1)
        #expect(scene.send(.accept(scene.request(), MediaState()), from: Scene.calleePhone).refusal == nil)
        #expect(scene.call.answeredAt == scene.now)
    }

    /// How a ringing call ends, and what is stored of it.
    struct RingEnd: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var input: CallInput
        var reason: Call.EndReason
        var callee: Participant.LeaveReason
        var stop: RingStopReason
    }

    static let request = RequestID(high: 5, low: 5)
    static let ringEnds = [
        RingEnd(
            testDescription: "decline",
            input: .command(.decline(request, isBusy: false, reachable: []), from: Scene.calleePhone),
            reason: .declined, callee: .declined, stop: .declinedElsewhere),
        RingEnd(
            testDescription: "hang up of the callee",
            input: .command(.hangUp(request, mediaFailed: false), from: Scene.calleePhone),
            reason: .declined, callee: .declined, stop: .declinedElsewhere),
        RingEnd(
            testDescription: "busy on the only device",
            input: .command(
                .decline(request, isBusy: true, reachable: [Scene.calleePhone.device]), from: Scene.calleePhone),
            reason: .busy, callee: .busy, stop: .declinedElsewhere),
        RingEnd(
            testDescription: "cancel", input: .command(.cancel(request), from: Scene.callerPhone),
            reason: .cancelled, callee: .cancelled, stop: .cancelled),
        RingEnd(
            testDescription: "hang up of the caller",
            input: .command(.hangUp(request, mediaFailed: false), from: Scene.callerPhone),
            reason: .cancelled, callee: .cancelled, stop: .cancelled),
    ]

    @Test("A ringing call ends as missed, for the right reason", arguments: ringEnds)
    func ringEnd(_ end: RingEnd) {
        var scene = Scene.ringing()
        scene.wait(.seconds(3))
        let transition = scene.handle(end.input)
        #expect(transition.refusal == nil)
        #expect(scene.call.phase == .missed(endedAt: scene.now, end.reason))
        switch scene.call.participant(Scene.callee)?.state {
        case .declined(let at, end.callee), .left(nil, let at, end.callee): #expect(at == scene.now)
        case let state: Issue.record("the callee is \(String(describing: state))")
        }
        #expect(transition.events.contains { $0.address.user == Scene.callee && $0.event == .ringStopped(end.stop) })
        #expect(scene.call.nextDeadline == nil)
    }

    @Test("One busy device does not stop the others ringing; when all are busy, the call is")
    func busyDevices() {
        var scene = Scene.ringing()
        let both: Set = [Scene.calleePhone.device, Scene.calleeLaptop.device]
        let first = scene.send(.decline(scene.request(), isBusy: true, reachable: both), from: Scene.calleePhone)
        #expect(scene.call.phase == .initiated)
        #expect(first.changes.isEmpty && first.deliveries.isEmpty)
        scene.send(.decline(scene.request(), isBusy: true, reachable: both), from: Scene.calleeLaptop)
        #expect(scene.call.endReason == .busy)
    }

    @Test("Nobody answers: the call is missed at its deadline")
    func ringTimeOut() throws {
        var scene = Scene.ringing()
        let transition = scene.waitForDeadline()
        #expect(scene.call.phase == .missed(endedAt: Scene.start + .seconds(45), .noAnswer))
        let difference = try #require(transition.difference)
        #expect(
            transition.events == [
                CallDelivery(to: .user(Scene.caller), .changed(difference)),
                CallDelivery(to: .user(Scene.callee), .ringStopped(.noAnswer)),
            ])
    }

    @Test("Either side hangs up: the call is completed", arguments: [Scene.callerPhone, Scene.calleePhone])
    func hangUp(_ origin: CallOrigin) {
        var scene = Scene.ongoing()
        let answeredAt = scene.now
        scene.wait(.seconds(60))
        let transition = scene.send(.hangUp(scene.request(), mediaFailed: false), from: origin)
        #expect(scene.call.phase == .completed(answeredAt: answeredAt, endedAt: scene.now, .hangup))
        for participant in scene.call.participants {
            guard case .left(_?, let at, let reason) = participant.state else {
                Issue.record("\(participant) is not out of the call")
                continue
            }
            #expect(at == scene.now)
            #expect(reason == (participant.user == origin.user ? .hangup : .callEnded))
        }
        #expect(transition.events.contains { $0.address.user != origin.user && transition.tells($0.address) })
    }

    @Test("A media connection that could not be established ends the call as ice_failed")
    func mediaFailed() {
        var scene = Scene.ongoing()
        scene.send(.hangUp(scene.request(), mediaFailed: true), from: Scene.callerPhone)
        #expect(scene.call.endReason == .iceFailed)
    }

    @Test("The maximum duration ends a call")
    func maxDuration() {
        var scene = Scene.ongoing()
        let answeredAt = scene.now
        scene.waitForDeadline()
        #expect(scene.call.endedAt == answeredAt + .seconds(12 * 3600))
        #expect(scene.call.endReason == .maxDuration)
    }

    static let lateCommands: [(CallCommand, CallRefusal?)] = [
        (.accept(request, MediaState()), .callEnded),
        (.decline(request, isBusy: false, reachable: []), nil),
        (.cancel(request), nil),
        (.hangUp(request, mediaFailed: false), nil),
        (.move(request, MediaState()), .callEnded),
        (.fetch, nil),
        (.setMedia(MediaState()), nil),
        (.ringing(wokenByPush: false), nil),
        (.join(request, MediaState(), isMember: false), .callEnded),
        (.add(request, [Callee(Scene.third)]), .callEnded),
        (.hold(true), nil),
        (.raiseHand(true, of: Scene.caller), nil),
        (.control(request, .lock(true)), .callEnded),
        (.control(request, .end), nil),
        (.signal(.offer(), to: Scene.callee), nil),
        (.startScreenShare(request), .callEnded),
        (.stopScreenShare(request), nil),
    ]

    @Test("Commands after the end change nothing; those that end something get a true answer", arguments: lateCommands)
    func late(_ command: CallCommand, _ refusal: CallRefusal?) {
        var scene = Scene.ongoing()
        scene.send(.hangUp(scene.request(), mediaFailed: false), from: Scene.calleePhone)
        let ended = scene.call
        let transition = scene.send(command, from: Scene.callerPhone)
        #expect(transition.refusal == refusal)
        #expect(transition.changes.isEmpty && transition.deliveries.isEmpty)
        #expect(scene.call.phase == ended.phase && scene.call.participants == ended.participants)
        #expect(scene.call.revision == ended.revision)
        if case .signal = command { #expect(transition.droppedSignals == 1) }
    }

    static let strangersCommands: [CallCommand] = lateCommands.map(\.0)

    @Test("A stranger learns nothing, not even that there is a call", arguments: strangersCommands)
    func stranger(_ command: CallCommand) {
        for var scene in [Scene.ringing(), Scene.ongoing()] {
            let before = scene.call
            let transition = scene.send(command, from: Scene.strangersPhone)
            #expect(transition.refusal == .notFound)
            #expect(scene.call == before)
        }
    }

    @Test("The callee may not cancel, and a cancel after the answer does nothing")
    func cancelRights() {
        var ringing = Scene.ringing()
        #expect(ringing.send(.cancel(ringing.request()), from: Scene.calleePhone).refusal == .forbidden)
        var ongoing = Scene.ongoing()
        #expect(ongoing.send(.cancel(ongoing.request()), from: Scene.callerPhone).refusal == nil)
        #expect(ongoing.call.endedAt == nil)
    }

    @Test("A late decline from another device is ignored")
    func lateDecline() {
        var scene = Scene.ongoing()
        let transition = scene.send(
            .decline(scene.request(), isBusy: false, reachable: []), from: Scene.calleeLaptop)
        #expect(transition.refusal == nil && transition.changes.isEmpty)
        #expect(scene.call.endedAt == nil)
    }

    @Test("A repeated command gets the same answer and changes nothing")
    func repeated() {
        var scene = Scene.ongoing()
        let start = scene.request()
        scene.send(.startScreenShare(start), from: Scene.callerPhone)
        scene.send(.stopScreenShare(scene.request()), from: Scene.callerPhone)
        let transition = scene.send(.startScreenShare(start), from: Scene.callerPhone)
        #expect(transition.refusal == nil && transition.changes.isEmpty)
        #expect(scene.call.screenShares.isEmpty)
    }

    @Test("A device that reports ringing is shown to the caller, and nothing is stored")
    func alerted() {
        var scene = Scene.ringing()
        let transition = scene.send(.ringing(wokenByPush: false), from: Scene.calleePhone)
        #expect(transition.changes.isEmpty)
        #expect(transition.tells(.user(Scene.caller)))
        guard case .ringing(let ringing)? = scene.call.participant(Scene.callee)?.state else {
            Issue.record("the callee is not rung")
            return
        }
        #expect(ringing.isAlerted)
        #expect(scene.send(.ringing(wokenByPush: false), from: Scene.calleeLaptop).deliveries.isEmpty)
    }
}
