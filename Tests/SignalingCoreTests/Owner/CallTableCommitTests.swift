import Primitives
import Testing

@testable import SignalingCore

@Suite("The owner of calls: outcomes of a commit")
struct CallTableCommitTests {
    private let id = TableScene.call

    struct Case: Sendable, CustomTestStringConvertible {
        let outcome: CallTable.CommitOutcome
        let kinds: [OutputKind]
        let answer: Answer?
        /// The result of a command that has waited behind it; nil when it still waits.
        let next: OutputKind?

        init(_ outcome: CallTable.CommitOutcome, _ kinds: [OutputKind], _ answer: Answer?, next: OutputKind?) {
            (self.outcome, self.kinds, self.answer, self.next) = (outcome, kinds, answer, next)
        }

        var testDescription: String { "\(outcome)" }
    }

    private static let ofNewCall = [
        Case(.stored, [.recheck, .reply, .deliver, .deliver], .done, next: .reply),
        Case(.unavailable, [.reply, .closed], .unavailable, next: .answerFromArchive),
        Case(.unknown, [.reply, .lookUp], .unavailable, next: nil),
        Case(.overtaken, [.reply, .closed, .letGo], .unavailable, next: .answerFromArchive),
        Case(.duplicate, [.closed, .answerRepeatedInvite], nil, next: .answerFromArchive),
        Case(.invalid, [.reply, .closed], .failed, next: .answerFromArchive),
    ]

    private static let ofOpenCall = [
        Case(.stored, [.recheck, .connection, .reply, .deliver, .deliver], .done, next: .reply),
        Case(.unavailable, [.reply], .unavailable, next: .reply),
        Case(.unknown, [.reply, .lookUp], .unavailable, next: nil),
        Case(.overtaken, [.reply, .closed, .letGo], .unavailable, next: .answerFromArchive),
        Case(.duplicate, [.reply], .failed, next: .reply),
        Case(.invalid, [.reply], .failed, next: .reply),
    ]

    @Test("A call that is placed", arguments: ofNewCall)
    func newCall(_ expected: Case) {
        var scene = TableScene()
        scene.invite(TableScene.invitation())
        let outputs = scene.commit(expected.outcome)
        #expect(outputs.kinds == expected.kinds)
        #expect(outputs.answers == [expected.answer].compactMap { $0 })
        let isOpen = [.stored, .unknown].contains(expected.outcome)
        #expect(scene.table.holds(id) == isOpen)
        if !isOpen { #expect(outputs.contains(.closed(id, connected: [Scene.caller]))) }
        #expect(scene.table.openCalls(of: Scene.caller).isEmpty == (expected.outcome != .stored))
        #expect(scene.table.tally.placed == (expected.outcome == .stored ? 1 : 0))
        #expect(scene.table.tally.letGo == (expected.outcome == .overtaken ? 1 : 0))
    }

    @Test("A call that is open", arguments: ofOpenCall)
    func openCall(_ expected: Case) {
        var scene = TableScene.ringing()
        let before = scene.state()
        scene.ask(.accept(scene.name(), MediaState()), from: Scene.calleePhone)
        let outputs = scene.commit(expected.outcome)
        #expect(outputs.kinds == expected.kinds)
        #expect(outputs.answers == [expected.answer].compactMap { $0 })
        switch expected.outcome {
        case .stored: #expect(scene.state()?.answeredAt == scene.now)
        case .overtaken: #expect(scene.state() == nil)
        case .unavailable, .unknown, .duplicate, .invalid: #expect(scene.state() == before)
        }
        // Not before the delay, and no later than what is due.
        if [.unavailable, .duplicate, .invalid].contains(expected.outcome) {
            #expect(scene.table.nextWake == Scene.start + .seconds(45))
        }
    }

    @Test("Inputs that wait behind it: a command, an invite, a device that is lost", arguments: ofNewCall + ofOpenCall)
    func waiting(_ expected: Case) {
        let isNew = Self.ofNewCall.contains { $0.outcome == expected.outcome && $0.kinds == expected.kinds }
        var scene = isNew ? TableScene() : TableScene.ringing()
        if isNew {
            scene.invite(TableScene.invitation())
        } else {
            scene.ask(.accept(scene.name(), MediaState()), from: Scene.calleePhone)
        }
        #expect(scene.take(.deviceLost(Scene.callerPhone)).isEmpty)
        #expect(scene.mute().isEmpty)
        let other = CallID(high: 9, low: 80)
        #expect(
            scene.invite(TableScene.invitation([Callee(Scene.caller)], from: Scene.calleePhone, call: other)).isEmpty)
        let outputs = Array(scene.commit(expected.outcome).dropFirst(expected.kinds.count))
        switch expected.next {
        case nil:
            #expect(outputs.isEmpty)
            #expect(scene.state()?.participant(Scene.caller)?.connection?.reachability == .reachable)
        case .reply:
            #expect(outputs.answers.first == .done)
            #expect(scene.participant(Scene.caller)?.connection?.reachability != .reachable)
            #expect(!scene.table.holds(other))
        default:
            // The call is gone: the invite places a call of its own.
            #expect(scene.table.holds(other))
        }
    }

    @Test("The outcome of a commit other than the latest changes nothing")
    func stale() {
        var scene = TableScene.ringing()
        scene.ask(.accept(scene.name(), MediaState()), from: Scene.calleePhone)
        let first = scene.commits[0]
        scene.commit(.unavailable)
        scene.ask(.accept(scene.name(), MediaState()), from: Scene.calleePhone)
        #expect(scene.take(.committed(first.id, id, .stored)).isEmpty)
        #expect(scene.state()?.answeredAt == nil)
        #expect(scene.commit(.stored).answers == [.done])
        #expect(scene.take(.committed(first.id, id, .overtaken)).isEmpty)
        #expect(scene.table.holds(id))
    }

    @Test("After a failed commit the profiles of those who never came in are dropped")
    func profiles() {
        var scene = TableScene.groupOngoing()
        let own = Set([Scene.caller, Scene.callee, Scene.third, Scene.fourth])
        func people() -> Set<UserID> { Set(scene.table.openCalls(of: Scene.caller)[0].people.keys) }
        #expect(people() == own)
        let added = scene.ask(.add(scene.name(), [Callee(Scene.stranger)]), from: Scene.callerPhone)
        #expect(added.writes.first?.change.people[Scene.stranger] == TableScene.profile(Scene.stranger))
        scene.commit(.unavailable)
        scene.mute()
        #expect(people() == own)
        scene.ask(.add(scene.name(), [Callee(Scene.stranger)]), from: Scene.callerPhone)
        scene.commit(.stored)
        #expect(people() == own.union([Scene.stranger]))
        // A refused command adds nobody.
        scene.ask(.fetch, from: CallOrigin(user: UserID(high: 6, low: 6), device: DeviceID(high: 66, low: 1)))
        #expect(people() == own.union([Scene.stranger]))
    }
}
