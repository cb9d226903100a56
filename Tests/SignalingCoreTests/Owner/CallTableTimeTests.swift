import Primitives
import Testing

@testable import SignalingCore

@Suite("The owner of calls: when calls are processed")
struct CallTableTimeTests {
    private let id = TableScene.call

    // MARK: Deadlines

    @Test("There is one time at which the table wants to be woken: the earliest of all")
    func nextWake() {
        var scene = TableScene()
        #expect(scene.table.nextWake == nil)
        scene = .groupOngoing()
        let other = CallID(high: 9, low: 30)
        scene.invite(
            TableScene.invitation(from: Scene.strangersPhone, call: other, in: ConversationID(high: 8, low: 30)))
        scene.commit(.stored)
        #expect(scene.table.nextWake == Scene.start + .seconds(45))
        scene.take(.deviceLost(Scene.calleePhone))
        #expect(scene.table.nextWake == scene.now + .seconds(30))
        scene.mute()
        #expect(scene.table.nextWake == scene.now + UpdatePace.interval)
        scene.wake()
        #expect(scene.table.nextWake == Scene.start + .seconds(32))
        scene.take(.deviceReturned(Scene.calleePhone))
        #expect(scene.wake().kinds == [.deliver])
        #expect(scene.table.nextWake == Scene.start + .seconds(45))
        #expect(scene.wake().kinds == [.commit])
        scene.commit(.stored)
        #expect(scene.table.nextWake == Scene.start + .seconds(45) + .seconds(2))
    }

    @Test("What is due is written and sent as a change of its own, before the input that follows it")
    func dueFirst() {
        var scene = TableScene.groupOngoing()
        scene.wait(.seconds(60))
        let asked = scene.ask(.control(scene.name(), .lock(true)), from: Scene.callerPhone)
        #expect(asked.kinds == [.commit])
        let due = asked.writes[0].change.transition
        #expect(!due.call.isLocked)
        #expect(
            due.call.participant(Scene.fourth)?.state
                == .left(joinedAt: nil, at: Scene.start + .seconds(45), .noAnswer))
        let told = scene.commit(.stored)
        #expect(told.answers.isEmpty)
        #expect(told.deliveries.contains(CallDelivery(to: .user(Scene.fourth), .ringStopped(.noAnswer))))
        #expect(told.writes.first?.change.transition.call.isLocked == true)
        #expect(told.writes.first?.revision == 4)
        #expect(scene.commit(.stored).answers == [.done])
    }

    @Test("An answer that comes after the ring is over finds the call over")
    func lateAnswer() {
        var scene = TableScene.ringing()
        scene.wait(.seconds(45))
        #expect(scene.ask(.accept(scene.name(), MediaState()), from: Scene.calleePhone).kinds == [.commit])
        let told = scene.commit(.stored)
        #expect(told.kinds == [.connection, .closed, .deliver, .deliver, .answerFromArchive])
    }

    struct Failure: Sendable {
        let outcome: CallTable.CommitOutcome
        let answer: Answer
    }

    @Test(
        "The input is given up when what is due before it can't be written",
        arguments: [
            Failure(outcome: .unavailable, answer: .unavailable), Failure(outcome: .unknown, answer: .unavailable),
            Failure(outcome: .invalid, answer: .failed), Failure(outcome: .duplicate, answer: .failed),
            Failure(outcome: .overtaken, answer: .unavailable),
        ])
    func givenUp(_ failure: Failure) {
        var scene = TableScene.groupOngoing()
        scene.wait(.seconds(60))
        scene.ask(.control(scene.name(), .lock(true)), from: Scene.callerPhone)
        #expect(scene.commit(failure.outcome).answers == [failure.answer])
        #expect(scene.commits.isEmpty)
        #expect(scene.participant(Scene.fourth)?.isRinging ?? true)
        #expect(scene.state()?.isLocked != true)
        if failure.outcome == .overtaken { return #expect(scene.table.nextWake == nil) }
        if failure.outcome == .unknown { return #expect(scene.lookUps.count == 1) }
        // It is retried after a while, and not before.
        #expect(scene.table.nextWake == scene.now + CallTable.retryDelay)
        #expect(scene.wake().kinds == [.commit])
    }

    @Test("A device that came or went while what is due could not be written is rechecked once it can")
    func missedDevices() {
        var scene = TableScene.groupOngoing()
        scene.take(.lease(.none))
        scene.wait(.seconds(60))
        #expect(scene.take(.deviceLost(Scene.calleePhone)).isEmpty)
        #expect(scene.take(.deviceReturned(Scene.thirdPhone)).isEmpty)
        let back = scene.take(TableScene.lease())
        #expect(back.kinds == [.commit])
        #expect(scene.participant(Scene.callee)?.connection?.reachability == .reachable)
        let stored = scene.commit(.stored)
        let inCall = [Scene.callerPhone, Scene.calleePhone, Scene.thirdPhone]
        #expect(stored.last == .resync(id, inCall))
        let told = scene.take(
            .devicesNow(id, present: [Scene.callerPhone, Scene.thirdPhone], gone: [Scene.calleePhone]))
        #expect(!told.kinds.contains(.resync))
        #expect(scene.participant(Scene.callee)?.connection?.reachability == .lost(until: scene.now + .seconds(30)))
        // It is rechecked once.
        scene.ask(.move(scene.name(), MediaState()), from: Scene.callerLaptop)
        #expect(!scene.commit(.stored).kinds.contains(.resync))
    }

    @Test("Those who ask to be admitted are rechecked, too; and after an outcome that was looked up")
    func missedJoinRequests() {
        var scene = TableScene.groupOngoing()
        scene.ask(.control(scene.name(), .lock(true)), from: Scene.callerPhone)
        scene.commit(.stored)
        scene.ask(.join(scene.name(), MediaState(), isMember: true), from: Scene.strangersPhone)
        scene.wait(.seconds(60))
        scene.take(.deviceLost(Scene.strangersPhone))
        #expect(scene.commit(.unavailable).isEmpty)
        guard let due = scene.wake().writes.first?.change else { return #expect(Bool(false), "nothing is due") }
        scene.commit(.unknown)
        let known = scene.lookUp(.found(revision: due.transition.call.revision, owner: TableScene.owner))
        #expect(
            known.last
                == .resync(id, [Scene.callerPhone, Scene.calleePhone, Scene.thirdPhone, Scene.strangersPhone]))
    }

    @Test("A ring that could not be feigned while what is due could not be written is feigned once it can")
    func missedFeigning() {
        var scene = TableScene.groupOngoing()
        let hidden = Callee(Scene.stranger, isHidden: true, isMember: false)
        scene.wait(.seconds(42))
        scene.ask(.add(scene.name(), [hidden]), from: Scene.callerPhone)
        #expect(scene.commit(.stored).contains(.feignRinging(Scene.stranger, id)))
        scene.wait(.seconds(2))
        // The fourth's ring is over, and comes first.
        #expect(scene.take(.ringingFeigned(Scene.stranger, id)).kinds == [.commit])
        #expect(scene.commit(.unavailable).isEmpty)
        #expect(scene.wake().kinds == [.commit])
        #expect(scene.commit(.stored).last == .feignRinging(Scene.stranger, id))
        scene.take(.ringingFeigned(Scene.stranger, id))
        #expect(scene.participant(Scene.stranger)?.ringing?.isAlerted == true)
    }

    // MARK: Pace

    @Test("Those who were kept waiting get the latest state, whatever commits are in flight")
    func pace() {
        var scene = TableScene.groupOngoing()
        let first = scene.mute()
        #expect(first.kinds == [.reply, .deliver])
        #expect(scene.mute(Scene.thirdPhone).kinds == [.reply])
        scene.ask(.control(scene.name(), .lock(true)), from: Scene.callerPhone)
        let released = scene.wake()
        #expect(released.kinds == [.deliver])
        #expect(released.deliveries.count == 4)
        #expect(scene.wake().isEmpty)
        #expect(scene.commit(.unavailable).answers == [.unavailable])
    }

    @Test("A change that is sent at once includes what was held back")
    func paceAndCommit() {
        var scene = TableScene.groupOngoing()
        scene.mute()
        scene.mute(Scene.thirdPhone)
        scene.ask(.control(scene.name(), .lock(true)), from: Scene.callerPhone)
        scene.commit(.stored)
        // The caller's phone had its answer, and nobody else is left to tell.
        #expect(scene.table.nextWake == Scene.start + .seconds(45))
    }

    // MARK: Rest

    private func work(_ milliseconds: Int64, _ scene: inout TableScene) {
        let began = scene.now
        scene.wait(.milliseconds(milliseconds))
        scene.table.noteWork(on: id, from: began, to: scene.now)
    }

    @Test("A call that has worked long enough rests; its inputs wait, and other calls continue")
    func rest() {
        var scene = TableScene.groupOngoing()
        let other = CallID(high: 9, low: 31)
        scene.invite(
            TableScene.invitation(from: Scene.strangersPhone, call: other, in: ConversationID(high: 8, low: 31)))
        scene.commit(.stored)
        work(4, &scene)
        #expect(scene.ask(.fetch, from: Scene.callerPhone).answers == [.done])
        work(1, &scene)
        #expect(scene.ask(.fetch, from: Scene.callerPhone) == [.rest(id)])
        #expect(scene.ask(.fetch, from: Scene.calleePhone).isEmpty)
        #expect(scene.take(.deviceLost(Scene.thirdPhone)).isEmpty)
        #expect(scene.ask(.fetch, from: Scene.strangersPhone, of: other).answers == [.done])
        #expect(scene.take(.drainDue(id)).isEmpty)
        scene.wait(TurnBudget.rest)
        let rested = scene.step(.rested(id))
        #expect(rested.answers.count == 1)
        #expect(rested.last == .drain(id))
        #expect(scene.take(.drainDue(id)).answers == [.done])
        #expect(scene.table.tally.rests == 1)
        #expect(scene.participant(Scene.third)?.connection?.reachability != .reachable)
    }

    @Test("It may have to rest again while it works through its waiting inputs")
    func restAgain() {
        var scene = TableScene.groupOngoing()
        work(5, &scene)
        #expect(scene.ask(.fetch, from: Scene.callerPhone) == [.rest(id)])
        for _ in 0..<3 { scene.ask(.fetch, from: Scene.calleePhone) }
        scene.wait(TurnBudget.rest)
        #expect(scene.step(.rested(id)).answers == [.done])
        work(6, &scene)
        #expect(scene.step(.drainDue(id)) == [.rest(id)])
        #expect(scene.step(.drainDue(id)).isEmpty)
        scene.wait(TurnBudget.rest)
        #expect(scene.take(.rested(id)).answers == [.done, .done, .done])
        #expect(scene.table.tally.rests == 2)
    }

    @Test("What comes due while a call rests is carried out after that, at its own time")
    func dueWhileResting() {
        var scene = TableScene.ringing()
        scene.wait(.milliseconds(44_995))
        work(5, &scene)
        #expect(scene.take(.timePassed) == [.rest(id)])
        #expect(scene.table.nextWake == nil)
        scene.wait(TurnBudget.rest)
        let rested = scene.take(.rested(id))
        #expect(rested.writes.first?.change.transition.call.endedAt == Scene.start + .seconds(45))
    }
}
