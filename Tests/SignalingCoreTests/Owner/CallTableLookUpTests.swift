import Primitives
import Testing

@testable import SignalingCore

@Suite("The owner of calls: commits of unknown outcome")
struct CallTableLookUpTests {
    private let id = TableScene.call

    enum Fate: Sendable {
        /// It was carried out.
        case applied
        /// It was not: the call is unchanged.
        case asBefore
        /// The call has another owner.
        case letGo
        /// It was never placed.
        case forgotten
        /// It is looked up again.
        case open
    }

    struct Case: Sendable {
        let found: CallTable.LookUp
        let ofNewCall: Fate
        let ofOpenCall: Fate
    }

    private static func found(_ revision: Int64, _ owner: CallOwner? = TableScene.owner) -> CallTable.LookUp {
        .found(revision: revision, owner: owner)
    }

    /// A new call is written as revision 1; the open one is at 1, and goes to 2.
    private static let cases = [
        Case(found: found(1), ofNewCall: .applied, ofOpenCall: .asBefore),
        Case(found: found(2), ofNewCall: .letGo, ofOpenCall: .applied),
        Case(found: found(1 << 32), ofNewCall: .letGo, ofOpenCall: .letGo),
        Case(found: found(1, TableScene.otherOwner), ofNewCall: .letGo, ofOpenCall: .letGo),
        Case(found: found(2, TableScene.otherOwner), ofNewCall: .letGo, ofOpenCall: .letGo),
        Case(found: found(2, nil), ofNewCall: .letGo, ofOpenCall: .letGo),
        Case(
            found: found(2, CallOwner(node: TableScene.owner.node, epoch: TableScene.owner.epoch + 1)),
            ofNewCall: .letGo, ofOpenCall: .letGo),
        Case(found: .missing, ofNewCall: .forgotten, ofOpenCall: .letGo),
        Case(found: .failed, ofNewCall: .open, ofOpenCall: .open),
    ]

    @Test("The revision and the owner tell whether a call was placed", arguments: cases)
    func newCall(_ expected: Case) {
        var scene = TableScene()
        scene.invite(TableScene.invitation())
        scene.commit(.unknown)
        scene.take(.deviceLost(Scene.callerPhone))
        check(
            scene.lookUp(expected.found), expected.ofNewCall, &scene,
            told: [.foundStored, .recheck, .deliver, .deliver, .deliver])
        if expected.ofNewCall == .applied { #expect(scene.table.tally.placed == 1) }
    }

    @Test("The revision and the owner tell whether a call was changed", arguments: cases)
    func openCall(_ expected: Case) {
        var scene = TableScene.ringing()
        scene.ask(.accept(scene.name(), MediaState()), from: Scene.calleePhone)
        scene.commit(.unknown)
        scene.take(.deviceLost(Scene.callerPhone))
        check(
            scene.lookUp(expected.found), expected.ofOpenCall, &scene,
            told: [.foundStored, .recheck, .connection, .deliver, .deliver, .deliver])
        switch expected.ofOpenCall {
        case .applied: #expect(scene.state()?.answeredAt == scene.now)
        case .asBefore, .open: #expect(scene.state()?.answeredAt == nil)
        case .letGo, .forgotten: break
        }
    }

    /// Compares the outputs, and the fate of a device that was lost in the meantime, with what is expected.
    private func check(
        _ outputs: [CallTable.Output], _ fate: Fate, _ scene: inout TableScene, told: [OutputKind]
    ) {
        let isLost = scene.participant(Scene.caller)?.connection?.reachability != .reachable
        switch fate {
        case .applied:
            #expect(Array(outputs.kinds.prefix(told.count)) == told)
            // The device that asked was told to retry: it is told of the change like everybody.
            #expect(outputs.deliveries.contains(CallDelivery(to: .user(Scene.callee), .updated)))
            #expect(isLost)
        case .asBefore:
            #expect(!outputs.kinds.contains(.foundStored))
            #expect(isLost)
        case .letGo:
            #expect(outputs.kinds == [.closed, .letGo])
            #expect(scene.table.count == 0)
        case .forgotten:
            #expect(outputs.kinds == [.closed])
            #expect(scene.table.count == 0)
        case .open:
            #expect(outputs.isEmpty)
            #expect(scene.table.nextWake == scene.now + CallTable.retryDelay)
        }
        #expect(outputs.answers.isEmpty)
        #expect(scene.table.tally.letGo == (fate == .letGo ? 1 : 0))
    }

    @Test("A commit that was looked up in vain and takes effect late is not taken for the next one of its revision")
    func lateCommit() {
        var scene = TableScene.ringing()
        scene.ask(.accept(scene.name(), MediaState()), from: Scene.calleePhone)
        scene.commit(.unknown)
        scene.lookUp(Self.found(1))
        scene.ask(.decline(scene.name(), isBusy: false, reachable: []), from: Scene.calleePhone)
        scene.commit(.unknown)
        // Either of the two may be what is stored.
        #expect(scene.lookUp(Self.found(2)).kinds == [.closed, .letGo])
    }

    @Test("A look-up that fails is repeated after a while, and never twice at once")
    func again() {
        var scene = TableScene.ringing()
        scene.ask(.accept(scene.name(), MediaState()), from: Scene.calleePhone)
        scene.commit(.unknown)
        scene.wait(.seconds(50))
        #expect(scene.take(.timePassed).isEmpty)
        for _ in 0..<3 {
            #expect(scene.lookUp(.failed).isEmpty)
            #expect(scene.wake().kinds == [.lookUp])
            #expect(scene.wake().isEmpty)
        }
        // What came due in the meantime has waited, too.
        let found = scene.lookUp(Self.found(1))
        #expect(found.isEmpty)
        let due = scene.wake()
        #expect(due.kinds == [.commit])
        #expect(due.writes.first?.change.transition.call.endedAt == Scene.start + .seconds(45))
    }

    @Test("The answer to an earlier look-up does not answer this one")
    func stale() {
        var scene = TableScene.ringing()
        scene.ask(.accept(scene.name(), MediaState()), from: Scene.calleePhone)
        scene.commit(.unknown)
        let first = scene.lookUps[0]
        #expect(scene.lookUp(Self.found(1)).isEmpty)
        #expect(scene.take(.lookedUp(first.id, id, Self.found(2))).isEmpty)
        scene.ask(.decline(scene.name(), isBusy: false, reachable: []), from: Scene.calleePhone)
        scene.commit(.unknown)
        #expect(scene.take(.lookedUp(first.id, id, Self.found(1, TableScene.otherOwner))).isEmpty)
        #expect(scene.table.holds(id))
        // The first commit may have taken effect late: the revision does not tell which of the two it is.
        #expect(scene.lookUp(Self.found(2)).kinds == [.closed, .letGo])
    }

    @Test("Until the outcome is known, the call handles no input, is not let go, and is not adopted again")
    func unsettled() {
        var scene = TableScene.ringing()
        scene.ask(.accept(scene.name(), MediaState()), from: Scene.calleePhone)
        scene.commit(.unknown)
        #expect(scene.mute().isEmpty)
        #expect(scene.table.settledCalls.isEmpty)
        #expect(!scene.table.mayAdopt(id))
        #expect(scene.take(TableScene.lease()).isEmpty)
        #expect(scene.take(.superseded).isEmpty)
        #expect(scene.table.openCalls(of: Scene.callee).map(\.call.answeredAt) == [nil])
        let found = scene.lookUp(Self.found(2))
        #expect(found.answers == [.done])
        #expect(scene.table.settledCalls == [id])
    }

    @Test("A user who was to come into the call and did not is not included")
    func profiles() {
        var scene = TableScene.groupOngoing()
        scene.ask(.control(scene.name(), .lock(true)), from: Scene.callerPhone)
        scene.commit(.stored)
        // Everybody is a newcomer of this command; it adds nobody.
        scene.ask(.control(scene.name(), .lock(false)), from: Scene.callerPhone)
        scene.commit(.unknown)
        for case .deliver(_, let view, _) in scene.lookUp(Self.found(5)) {
            #expect(view.people[Scene.stranger] == nil)
            #expect(view.people[Scene.fourth] != nil)
        }
    }
}
