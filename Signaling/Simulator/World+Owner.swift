import Primitives
import SignalingCore

// The shell around the owner of calls: it carries out the table's outputs and feeds the outcomes in, as the server's
// `CallTableRunner` does.
extension World {
    /// The current time by a server's clock.
    func clockTime(of server: ModelServer) -> Instant { now + server.clockError }

    /// Gives a server's table an input, and carries out its outputs.
    func give(_ input: CallTable.Input, to server: ModelServer) {
        guard server.isUp, !server.isDying else { return }
        clock = clockTime(of: server)
        let before = Standing(of: input, server, at: clock)
        let mark = server.outputs.count
        if case .ringingFeigned(let user, let id) = input { server.feigned.remove(.init(user: user, call: id)) }
        noteAsked(input, server)
        noteAnswered(input, server)
        server.table.handle(input, at: clock, &server.outputs)
        let steps = server.table.trace ?? []
        server.table.trace = []
        follow(steps, input, server, from: mark)
        checkStep(input, before, steps, server, from: mark)
        guard !server.isCarryingOut else { return }
        server.isCarryingOut = true
        var next = 0
        var told = 0
        while next < server.outputs.count, !server.isDying, violation == nil {
            let output = server.outputs[next]
            next += 1
            carryOut(output, of: server)
            while told < server.changes.count, server.changes[told].mark <= next {
                checkTold(server.changes[told], server)
                told += 1
            }
        }
        server.outputs.removeAll(keepingCapacity: true)
        server.changes.removeAll(keepingCapacity: true)
        server.isCarryingOut = false
        guard !server.isDying, violation == nil else { return }
        armTimer(of: server)
        checkDrained(server)
    }

    private func armTimer(of server: ModelServer) {
        guard let due = server.table.nextWake else {
            server.timer = nil
            return
        }
        if let timer = server.timer, timer.due <= due { return }
        server.timerCount += 1
        server.timer = (due, server.timerCount)
        // A timer is never early, and sometimes late.
        let lateness = random.isOne(in: 6) ? random.microseconds(upTo: 500_000) : 0
        queue.put(
            .wakes(server.number, timer: server.timerCount),
            at: max(now, due - server.clockError) + .init(microseconds: lateness))
    }

    func wakes(_ server: ModelServer, _ timer: Int) {
        guard server.timer?.number == timer else { return }
        server.timer = nil
        give(.timePassed, to: server)
    }

    private func carryOut(_ output: CallTable.Output, of server: ModelServer) {
        switch output {
        case .commit(let commit, let change, over: let revision, by: let owner):
            send(commit, change, over: revision, by: owner, from: server)
        case .foundStored: break
        case .reply(let replyTo, let reply): self.reply(reply, to: replyTo, from: server)
        case .deliver(let event, let view, let addresses): deliver(event, of: view.call, to: addresses, from: server)
        case .lookUp(let commit, let id):
            queue.put(.looksUp(commit, id, server: server.number), at: now + .milliseconds(1))
        case .answerFromArchive(let command, let id, let replyTo):
            queue.put(.archiveAnswers(command, id, replyTo, server: server.number), at: now + archiveDelay())
        case .answerRepeatedInvite(let caller, let name, let replyTo):
            answerRepeatedInvite(of: caller, as: name, replyTo, server)
        case .recheck(let origin, let id):
            if !isConnected(origin, server) { give(.deviceGone(origin, id), to: server) }
        case .resync(let id, let origins):
            let present = origins.filter { isConnected($0, server) }
            give(.devicesNow(id, present: present, gone: origins.filter { !present.contains($0) }), to: server)
        case .feignRinging(let user, let id):
            guard !connectedDevices(of: user, server).isEmpty else { return }
            server.feigned.insert(.init(user: user, call: id))
            let pause = Instant.Span(microseconds: 30_000 + random.microseconds(upTo: 270_000))
            queue.put(.hands(.ringingFeigned(user, id), server: server.number), at: now + pause)
        case .letGo(let id):
            server.lost.insert(id)
            queue.put(.announcesStored(id, server: server.number), at: now + archiveDelay())
        case .drain(let id): give(.drainDue(id), to: server)
        case .rest(let id): queue.put(.hands(.rested(id), server: server.number), at: now + TurnBudget.rest)
        case .opened(let id, let conversation): server.openCalls[id] = conversation
        case .closed(let id, let connected):
            server.openCalls[id] = nil
            for user in connected { server.noteConnection(of: user, to: id, false) }
        case .connection(let user, let id, let isConnected):
            server.noteConnection(of: user, to: id, isConnected)
        }
    }

    /// The duration of a read that nothing waits for.
    private func archiveDelay() -> Instant.Span {
        .init(microseconds: random.microseconds(upTo: isPrompt ? 0 : 3_000))
    }

    private func isConnected(_ origin: CallOrigin, _ server: ModelServer) -> Bool {
        server.isHere(origin.device)
    }

    /// Sends the stored state of a call that another node owns now to its people.
    func announceStored(_ id: CallID, _ server: ModelServer) {
        guard isReadable, let stored = database.call(id), !server.table.holds(id), stored.owner != server.lease.holder
        else { return }
        let view = stored.view(rules: schedule.rules)
        isTellingStored = true
        deliver(.updated, of: view.call, to: view.everybody, from: server)
        deliver(.gone, of: view.call, to: view.removed, from: server)
        isTellingStored = false
    }

    /// The reference follows the table's trace of its calls.
    private func follow(
        _ steps: [CallTable.Step], _ input: CallTable.Input, _ server: ModelServer, from mark: Int
    ) {
        let firstChange = server.changes.count
        for step in steps {
            switch step {
            case .placed(let invitation, let transition): follow(invitation, transition, server)
            case .handled(let call, let given, let step): follow(call, given, step, input, server)
            case .applied(let transition): follow(transition, input, server)
            }
        }
        for output in server.outputs[mark...] {
            guard case .commit(let commit, let change, over: _, by: _) = output,
                let followed = server.followedCall(change.transition.call.id)
            else { continue }
            followed.turn?.commit = commit
            followed.underWay = commit
        }
        for index in firstChange..<server.changes.count {
            let id = server.changes[index].transition.call.id
            server.changes[index].isOvertaken = server.changes[(index + 1)...].contains { $0.transition.call.id == id }
        }
    }

    private func follow(_ invitation: Invitation, _ transition: CallTransition, _ server: ModelServer) {
        let reference = Reference(invitation, rules: schedule.rules, at: clock, &coverage)
        checkPlaced(transition, reference)
        server.followed.append(
            .init(
                transition.call, reference, turn: .init(transition: transition, reference: reference), isPlaced: false))
    }

    private func follow(
        _ call: Call, _ input: CallInput, _ step: CallStep, _ cause: CallTable.Input, _ server: ModelServer
    ) {
        guard let followed = server.followedCall(call.id) else {
            return fail(.changesOnlyOwnedCalls, "an input goes to \(Describe.call(call)), which was never opened")
        }
        var reference = followed.reference
        if followed.isFresh {
            followed.isFresh = false
            followed.call = call
            note("server \(server.number) adopts \(Describe.call(call))")
            checkAdopted(call, reference)
        }
        checkMayBeGivenInput(followed, call, cause)
        let outcome: Reference.Outcome
        switch step {
        case .due:
            if !reference.isOverdue(at: clock) { fail(.followsTables, "nothing was due: \(Describe.call(call))") }
            outcome = reference.handle(.timePassed, at: clock, &coverage)
        case .done:
            if input != .timePassed, reference.isOverdue(at: clock) {
                fail(.followsTables, "what was due is not told by itself: \(Describe.call(call))")
            }
            outcome = reference.handle(input, at: clock, &coverage)
            checkAnswer(to: input, step.transition, from: call)
        }
        check(step.transition, from: call, reference, outcome)
        followed.turn = .init(transition: step.transition, reference: reference)
    }

    /// A transition has been applied.
    private func follow(_ transition: CallTransition, _ input: CallTable.Input, _ server: ModelServer) {
        let id = transition.call.id
        guard let followed = server.followedCall(id), let turn = followed.turn, turn.transition == transition else {
            return fail(.changesOnlyOwnedCalls, "\(Describe.call(transition.call)) takes effect, and was not next")
        }
        checkIsStored(turn, input, server)
        let before = followed.isPlaced ? followed.call : nil
        followed.call = transition.call
        followed.reference = turn.reference
        followed.turn = nil
        followed.isPlaced = true
        let mayWait = server.table.inspect(id)?.updatesDue != nil
        server.changes.append(
            .init(mark: server.outputs.count, before: before, transition: transition, mayWait: mayWait))
    }
}
