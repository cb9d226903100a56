import Primitives
import Testing

@testable import SignalingCore

@Suite("The owner of calls: commit, reply, deliver")
struct CallTableTests {
    private let id = TableScene.call

    @Test("Nobody is told of a call before it is on disk")
    func placing() {
        var scene = TableScene()
        let placed = scene.invite(TableScene.invitation())
        #expect(placed.kinds == [.opened, .connection, .commit])
        #expect(placed.first == .opened(id, TableScene.conversation))
        #expect(placed[1] == .connection(Scene.caller, id, isConnected: true))
        #expect(placed.writes.first?.revision == 0)
        #expect(placed.writes.first?.change.transition.isPlacing == true)
        #expect(scene.table.openCalls(of: Scene.callee).isEmpty)
        let stored = scene.commit(.stored)
        #expect(stored.kinds == [.recheck, .reply, .deliver, .deliver])
        #expect(stored.answers == [.done])
        #expect(
            stored.deliveries == [
                CallDelivery(to: .others(Scene.caller, than: Scene.callerPhone.device), .updated),
                CallDelivery(to: .user(Scene.callee), .incoming),
            ])
        #expect(scene.table.openCalls(of: Scene.callee).map(\.call.id) == [id])
        #expect(scene.table.openCalls(of: Scene.stranger).isEmpty)
    }

    @Test("A change is written over the previous revision, with what it makes happen")
    func change() {
        var scene = TableScene.ringing()
        let before = scene.state()
        let asked = scene.ask(.accept(scene.name(), MediaState()), from: Scene.calleePhone)
        #expect(asked.kinds == [.commit])
        #expect(asked.writes.first?.revision == 1)
        #expect(asked.writes.first?.change.transition.happenings.contains(.answered) == true)
        #expect(asked.writes.first?.change.at == scene.now)
        #expect(scene.state() == before)
        let stored = scene.commit(.stored)
        #expect(stored.kinds == [.recheck, .connection, .reply, .deliver, .deliver])
        #expect(scene.state()?.answeredAt == scene.now)
        // A change that only shows takes a revision that is not on disk.
        #expect(scene.mute().kinds == [.reply, .deliver])
        scene.wait(.seconds(1))
        let next = scene.ask(.hangUp(scene.name(), mediaFailed: false), from: Scene.callerPhone)
        #expect(next.writes.first?.revision == 2)
        #expect(next.writes.first?.change.transition.call.revision == 4)
    }

    @Test("A copy of a table is independent: inputs to one leave the other unchanged")
    func copies() {
        var scene = TableScene.ongoing()
        let copy = scene
        let before = scene.state()
        scene.mute()
        #expect(scene.state() != before)
        #expect(copy.state() == before)
        scene.ask(.hangUp(scene.name(), mediaFailed: false), from: Scene.calleePhone)
        scene.commit(.stored)
        #expect(scene.state() == nil)
        #expect(copy.state() == before)
        #expect(copy.table.settledCalls == [id])
    }

    @Test("A refused command is answered at once, and with the call only where the sender may see it")
    func refused() {
        var scene = TableScene.ringing()
        let strangers = scene.ask(.fetch, from: Scene.strangersPhone)
        #expect(strangers.kinds == [.reply])
        #expect(strangers.answers == [.refused(.notFound)])
        guard
            case .reply(_, .refused(.forbidden, let view?))? =
                scene.ask(.cancel(scene.name()), from: Scene.calleePhone).first
        else { return #expect(Bool(false), "the callee can't cancel") }
        #expect(view.call == scene.state())
    }

    @Test("While a commit of a call is in flight its inputs wait in order; other calls continue")
    func order() {
        var scene = TableScene.ongoing()
        let other = CallID(high: 9, low: 50)
        scene.ask(.hangUp(scene.name(), mediaFailed: false), from: Scene.calleePhone)
        for origin in [Scene.callerPhone, Scene.calleePhone] { #expect(scene.mute(origin).isEmpty) }
        #expect(scene.take(.deviceLost(Scene.callerPhone)).isEmpty)
        scene.invite(
            TableScene.invitation(
                [Callee(Scene.fourth)], from: Scene.thirdPhone, call: other, in: ConversationID(high: 8, low: 50)))
        #expect(scene.commits.map(\.call) == [id, other])
        let failed = scene.commit(.unavailable)
        #expect(failed.answers == [.unavailable, .done, .done])
        #expect(failed.kinds.first == .reply)
        #expect(scene.participant(Scene.caller)?.connection?.reachability == .lost(until: scene.now + .seconds(30)))
        #expect(scene.commit(.stored).answers == [.done])
    }

    @Test("Waiting inputs are handled one at a time, so that the cost of each can be measured")
    func oneAtATime() {
        var scene = TableScene.ongoing()
        scene.ask(.move(scene.name(), MediaState()), from: Scene.callerLaptop)
        for _ in 0..<3 { scene.mute(Scene.calleePhone) }
        let commit = scene.commits[0]
        let stored = scene.step(.committed(commit.id, id, .stored))
        #expect(stored.answers.count == 1)
        #expect(stored.last == .drain(id))
        for left in [2, 1, 0] {
            let outputs = scene.step(.drainDue(id))
            #expect(outputs.answers == [.done])
            #expect(outputs.contains(.drain(id)) == (left > 0))
        }
        #expect(scene.step(.drainDue(id)).isEmpty)
    }

    @Test("An input that comes before the table has gone on waits behind those that already wait")
    func queueIsKept() {
        var scene = TableScene.ongoing()
        scene.ask(.move(scene.name(), MediaState()), from: Scene.callerLaptop)
        scene.mute(Scene.calleePhone)
        let commit = scene.commits[0]
        _ = scene.step(.committed(commit.id, id, .stored))
        let late = scene.step(.command(.fetch, id, scene.asked(Scene.calleePhone)))
        #expect(late.isEmpty)
        let first = scene.step(.drainDue(id))
        guard case .reply(let replyTo, _)? = first.first else { return #expect(Bool(false), "nobody is answered") }
        #expect(replyTo.request + 1 == scene.step(.drainDue(id)).requests.first)
    }

    @Test("Commands that wait for a commit are bounded; inputs of the server are never refused")
    func bound() {
        var scene = TableScene.groupOngoing()
        scene.ask(.control(scene.name(), .lock(true)), from: Scene.callerPhone)
        for _ in 0..<CallTable.waitingLimit { #expect(scene.mute().isEmpty) }
        #expect(scene.mute().answers == [.unavailable])
        #expect(
            scene.invite(TableScene.invitation(mode: .group, call: .init(high: 9, low: 60))).answers == [.unavailable])
        let server: [TableScene.Input] = [
            .deviceLost(Scene.thirdPhone), .deviceReturned(Scene.thirdPhone), .deviceGone(Scene.thirdPhone, id),
            .ringingFeigned(Scene.fourth, id), .timePassed,
            .devicesNow(id, present: [Scene.thirdPhone], gone: []),
            .loggedOut(Scene.third, [Scene.thirdPhone.device], isLast: true),
            .membershipEnded(MembershipEnding(user: Scene.callee, conversation: TableScene.conversation), number: 1),
        ]
        for input in server { #expect(scene.take(input).isEmpty) }
        let went = scene.commit(.stored)
        #expect(went.answers == Array(repeating: .done, count: CallTable.waitingLimit + 1))
        // The devices, then the first of the two who must be out of it.
        #expect(scene.commits.count == 1)
        scene.commit(.stored)
        scene.commit(.stored)
        #expect(scene.participant(Scene.third)?.isConnected == false)
        #expect(scene.participant(Scene.callee)?.standing == .former)
    }

    @Test("When people are told of the end the call is gone; waiting commands are answered from what is stored")
    func end() {
        var scene = TableScene.ongoing()
        scene.ask(.hangUp(scene.name(), mediaFailed: false), from: Scene.callerPhone)
        scene.ask(.fetch, from: Scene.calleePhone)
        scene.take(.deviceLost(Scene.calleePhone))
        let next = CallID(high: 9, low: 70)
        #expect(
            scene.invite(TableScene.invitation([Callee(Scene.caller)], from: Scene.calleePhone, call: next)).isEmpty)
        let ended = scene.commit(.stored)
        #expect(
            ended.kinds == [
                .connection, .connection, .closed, .reply, .deliver, .answerFromArchive, .opened, .connection, .commit,
            ])
        #expect(ended[2] == .closed(id, connected: []))
        #expect(!scene.table.holds(id))
        // The invite now has its own call, in place of the ended one.
        #expect(scene.commits.map(\.call) == [next])
        #expect(scene.commit(.stored).answers == [.done])
        #expect(scene.table.count == 1)
        #expect(scene.table.openCalls(of: Scene.caller).map(\.call.id) == [next])
    }

    @Test("A call that is over leaves nothing behind")
    func nothingLeft() {
        var scene = TableScene.groupOngoing()
        scene.mute()
        scene.mute(Scene.thirdPhone)
        scene.ask(.control(scene.name(), .end), from: Scene.callerPhone)
        scene.commit(.stored)
        #expect(scene.table.count == 0)
        #expect(scene.table.nextWake == nil)
        #expect(scene.table.callsOfUser.isEmpty)
        #expect(scene.table.unsettled.isEmpty)
        #expect(scene.take(.deviceLost(Scene.callerPhone)).isEmpty)
    }

    @Test("A command to a call that is not open here is answered from what is stored; nothing else is")
    func unknownCall() {
        var scene = TableScene()
        let asked = scene.asked(Scene.callerPhone)
        #expect(scene.take(.command(.fetch, id, asked)) == [.answerFromArchive(.fetch, id, asked.replyTo)])
        let others: [TableScene.Input] = [
            .deviceGone(Scene.callerPhone, id), .ringingFeigned(Scene.callee, id), .drainDue(id), .rested(id),
            .devicesNow(id, present: [Scene.callerPhone], gone: [Scene.calleePhone]), .takenOver([id]), .timePassed,
            .committed(CallTable.CommitID(number: 1), id, .stored),
            .lookedUp(CallTable.CommitID(number: 1), id, .missing),
        ]
        for input in others { #expect(scene.take(input).isEmpty) }
    }

    @Test("A call has no more people than the rules allow, including the caller")
    func participantLimit() {
        var rules = CallRules()
        rules.participantLimit = 3
        var scene = TableScene(rules: rules)
        let callees = [Scene.callee, Scene.third, Scene.fourth].map { Callee($0) }
        scene.invite(TableScene.invitation(callees, mode: .group))
        #expect(scene.state()?.participants.map(\.user) == [Scene.caller, Scene.callee, Scene.third])
    }

    @Test("What has happened is counted")
    func tally() {
        var scene = TableScene.ongoing()
        scene.ask(.signal(.offer(), to: Scene.callee), from: Scene.callerPhone)
        scene.ask(.hangUp(scene.name(), mediaFailed: false), from: Scene.callerPhone)
        #expect(scene.table.tally.ended.isEmpty)
        scene.commit(.stored)
        var expected = CallTally()
        (expected.placed, expected.answered, expected.ended, expected.relayedSignals) = (1, 1, [.hangup], 1)
        #expect(scene.table.tally == expected)
    }

    @Test("The same inputs give the same outputs, in whatever order a process keeps its sets")
    func repeatable() {
        var scene = TableScene()
        let ids = (1...40).map { CallID(high: 9, low: $0) }
        for id in ids.shuffled() {
            let conversation = ConversationID(high: 8, low: id.low)
            scene.invite(TableScene.invitation(call: id, in: conversation))
            scene.commit(.stored)
        }
        #expect(scene.table.openCalls(of: Scene.callee).map(\.call.id) == ids)
        let returned = scene.take(.deviceReturned(Scene.calleePhone))
        #expect(returned.deliveries.count == 40)
        #expect(returned.calls == ids)
        scene.mute(of: ids[1])
        scene.take(.loggedOut(Scene.callee, [], isLast: true))
        #expect(scene.commits.map(\.call) == ids)
        for _ in ids { scene.commit(.unavailable) }
        let letGo = scene.take(.superseded)
        #expect(letGo.calls == ids)
    }
}

extension [CallTable.Output] {
    /// The numbers of the commands that are answered.
    fileprivate var requests: [UInt32] {
        compactMap { if case .reply(let replyTo, _) = $0 { replyTo.request } else { nil } }
    }

    /// The calls of which something is told, or which are closed.
    fileprivate var calls: [CallID] {
        compactMap {
            switch $0 {
            case .deliver(_, let view, _): view.call.id
            case .closed(let id, connected: _): id
            default: nil
            }
        }
    }
}
