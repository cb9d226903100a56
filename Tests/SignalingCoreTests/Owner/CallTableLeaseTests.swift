import Primitives
import Testing

@testable import SignalingCore

@Suite("The owner of calls: leases, and calls that come and go")
struct CallTableLeaseTests {
    private let id = TableScene.call

    // MARK: The lease

    @Test("Without a lease nothing is placed, and no command is answered")
    func noLease() {
        var scene = TableScene()
        scene.take(.lease(.none))
        let placed = scene.invite(TableScene.invitation())
        #expect(placed.kinds == [.opened, .connection, .reply, .closed])
        #expect(placed.answers == [.unavailable])
        #expect(scene.table.count == 0)
        #expect(scene.table.nextWake == nil)
    }

    @Test("Once it has expired commands are refused, also those that only read; devices are still noted")
    func runOut() {
        var scene = TableScene.ongoing()
        scene.take(TableScene.lease(for: .seconds(10)))
        scene.wait(.milliseconds(4_999))
        #expect(scene.ask(.fetch, from: Scene.callerPhone).answers == [.done])
        scene.wait(.milliseconds(1))
        #expect(scene.ask(.fetch, from: Scene.callerPhone).answers == [.unavailable])
        #expect(scene.mute().answers == [.unavailable])
        #expect(scene.ask(.hangUp(scene.name(), mediaFailed: false), from: Scene.callerPhone).kinds == [.reply])
        #expect(scene.take(.deviceLost(Scene.callerPhone)).kinds == [.deliver])
        #expect(scene.participant(Scene.caller)?.connection?.reachability == .lost(until: scene.now + .seconds(30)))
    }

    @Test("For a commit that was in flight when it expired, the database's outcome counts")
    func runOutMeanwhile() {
        var scene = TableScene.ringing()
        scene.take(TableScene.lease(for: .seconds(10)))
        scene.ask(.accept(scene.name(), MediaState()), from: Scene.calleePhone)
        scene.wait(.seconds(11))
        #expect(scene.commit(.stored).answers == [.done])
    }

    @Test("Once it is back, what was due continues at its own time, without a timer")
    func returned() {
        var scene = TableScene.ringing()
        scene.take(TableScene.lease(for: .seconds(10)))
        scene.wait(.seconds(50))
        #expect(scene.take(.timePassed).isEmpty)
        #expect(scene.table.nextWake == scene.now + CallTable.retryDelay)
        scene.wait(.seconds(20))
        let back = scene.take(TableScene.lease(from: scene.now))
        #expect(back.kinds == [.commit])
        #expect(back.writes.first?.change.transition.call.endedAt == Scene.start + .seconds(45))
        #expect(back.writes.first?.change.at == scene.now)
    }

    @Test("A lease that is renewed in time, or does not come back, changes nothing")
    func renewed() {
        var scene = TableScene.ringing()
        let wake = scene.table.nextWake
        scene.wait(.seconds(50))
        #expect(scene.take(TableScene.lease(from: scene.now)).isEmpty)
        scene.take(.lease(.none))
        #expect(scene.take(.lease(Lease(holder: TableScene.owner, until: scene.now))).isEmpty)
        #expect(scene.table.nextWake == wake)
    }

    // MARK: Losing calls

    @Test("A later process runs as this node: settled calls are let go without a word")
    func superseded() {
        var scene = TableScene.ringing()
        let other = CallID(high: 9, low: 40)
        scene.invite(TableScene.invitation(call: other, in: ConversationID(high: 8, low: 40)))
        scene.take(.lease(.none))
        let letGo = scene.take(.superseded)
        #expect(letGo == [.closed(id, connected: [Scene.caller])])
        #expect(scene.table.tally.letGo == 1)
        // Commits in flight fail there.
        #expect(scene.table.holds(other))
        #expect(scene.commit(.overtaken).kinds == [.reply, .closed, .letGo])
        #expect(scene.table.count == 0)
        #expect(scene.table.nextWake == nil)
    }

    @Test("Calls that others have taken over are let go, and waiting commands are answered")
    func takenOver() {
        var scene = TableScene.ringing()
        scene.ask(.accept(scene.name(), MediaState()), from: Scene.calleePhone)
        scene.ask(.fetch, from: Scene.callerPhone)
        let commit = scene.commits[0]
        let letGo = scene.take(.takenOver([CallID(high: 9, low: 41), id]))
        #expect(letGo.kinds == [.closed, .reply, .answerFromArchive, .letGo])
        #expect(letGo.answers == [.unavailable])
        #expect(scene.take(.committed(commit.id, id, .stored)).isEmpty)
        #expect(scene.table.count == 0)
    }

    // MARK: Gaining calls

    /// An ongoing call, or another one, as it is stored: the callee's phone has answered.
    private func stored(_ scene: TableScene = .ongoing()) -> CallView {
        let view = scene.table.openCalls(of: Scene.caller)[0]
        return CallView(call: view.call.asStored(revision: 1 << 32), people: view.people)
    }

    @Test("An adopted call waits for its people to come back")
    func adopted() {
        var scene = TableScene()
        scene.wait(.seconds(60))
        let adopted = scene.take(.adopted(stored(), lastSeen: Scene.start + .seconds(50), present: []))
        #expect(adopted.kinds == [.opened, .connection, .connection])
        #expect(scene.table.nextWake == scene.now + .seconds(30))
        #expect(scene.mute().answers == [.done])
        // Its next change is written over the revision with which it was adopted.
        let asked = scene.ask(.move(scene.name(), MediaState()), from: Scene.callerLaptop)
        #expect(asked.writes.first?.revision == 1 << 32)
        #expect(asked.writes.first?.change.transition.isPlacing == false)
    }

    @Test("Nobody comes back: it ended when its owner was last seen")
    func nobodyBack() {
        var scene = TableScene()
        scene.wait(.seconds(60))
        scene.take(.adopted(stored(), lastSeen: Scene.start + .seconds(50), present: []))
        let woken = scene.wake()
        #expect(woken.kinds == [.commit])
        #expect(woken.writes.first?.change.transition.call.endedAt == Scene.start + .seconds(50))
        #expect(woken.writes.first?.change.transition.call.endReason == .serverRestart)
    }

    @Test("The call is told of devices that connected before it was adopted, and they of the call")
    func greeting() {
        var scene = TableScene()
        scene.wait(.seconds(60))
        let present = [Scene.callerPhone, Scene.callerLaptop, Scene.calleePhone, Scene.strangersPhone]
        let adopted = scene.take(.adopted(stored(), lastSeen: scene.now, present: present))
        #expect(scene.participant(Scene.caller)?.connection?.reachability == .reachable)
        #expect(adopted.last?.kind == .deliver)
        #expect(
            Array(adopted.deliveries.suffix(2)) == [
                CallDelivery(to: .user(Scene.caller), .updated), CallDelivery(to: .user(Scene.callee), .updated),
            ])
        #expect(!adopted.deliveries.contains { $0.address.user == Scene.stranger })
    }

    @Test("Somebody whom another node has removed learns that the call is gone: this node may have let them ring")
    func greetingRemoved() {
        var scene = TableScene()
        let everybody = [Callee(Scene.callee), Callee(Scene.third), Callee(Scene.fourth, isHidden: true)]
        var elsewhere = TableScene.ringing(callees: everybody, mode: .group)
        for user in [Scene.third, Scene.fourth] {
            let ending = MembershipEnding(user: user, conversation: TableScene.conversation)
            elsewhere.take(.membershipEnded(ending, number: nil))
            elsewhere.commit(.stored)
        }
        let present = [Scene.callerPhone, Scene.thirdPhone, Scene.fourthPhone]
        let adopted = scene.take(.adopted(stored(elsewhere), lastSeen: scene.now, present: present))
        #expect(
            Array(adopted.deliveries.suffix(2)) == [
                CallDelivery(to: .user(Scene.caller), .updated), CallDelivery(to: .user(Scene.third), .gone),
            ])
    }

    @Test("A user who must not know of a call is not greeted")
    func greetingHidden() {
        var scene = TableScene()
        let view = stored(.ringing(callees: [Callee(Scene.callee, isHidden: true)]))
        let adopted = scene.take(.adopted(view, lastSeen: scene.now, present: [Scene.calleePhone]))
        #expect(adopted.deliveries.isEmpty)
        // Nobody knows whether the ring was already reported as heard.
        #expect(adopted.last == .feignRinging(Scene.callee, id))
    }

    @Test("What came due in the meantime is written first, at its own time")
    func adoptedLate() {
        var scene = TableScene()
        scene.wait(.seconds(90))
        let adopted = scene.take(.adopted(stored(.ringing()), lastSeen: Scene.start, present: [Scene.calleePhone]))
        #expect(adopted.kinds == [.opened, .connection, .commit, .deliver])
        #expect(adopted.writes.first?.change.transition.call.endedAt == Scene.start + .seconds(45))
        #expect(
            scene.commit(.stored).deliveries.contains(CallDelivery(to: .user(Scene.callee), .ringStopped(.noAnswer))))
        #expect(scene.table.count == 0)
    }

    @Test("It replaces an older state of it, unless a commit of that state is in flight")
    func adoptedOver() {
        var scene = TableScene.ongoing()
        let view = stored(scene)
        scene.ask(.hangUp(scene.name(), mediaFailed: false), from: Scene.callerPhone)
        #expect(!scene.table.mayAdopt(id))
        #expect(scene.take(.adopted(view, lastSeen: scene.now, present: [Scene.callerPhone])).isEmpty)
        scene.commit(.unavailable)
        #expect(scene.table.mayAdopt(id))
        let adopted = scene.take(.adopted(view, lastSeen: scene.now, present: []))
        #expect(adopted.kinds == [.closed, .opened, .connection, .connection])
        #expect(adopted.first == .closed(id, connected: [Scene.caller, Scene.callee]))
        #expect(scene.state()?.revision == 1 << 32)
    }
}

extension Call {
    /// The call as read from the database.
    func asStored(revision: Int64) -> Call {
        Call(
            id: id, conversation: conversation, mode: mode, initiator: initiator, clientCallID: clientCallID,
            type: type,
            startedAt: startedAt, ringExpiresAt: ringExpiresAt, rules: rules, storedPhase: phase,
            storedParticipants: participants, openShares: screenShares, isLocked: isLocked, revision: revision)
    }
}
