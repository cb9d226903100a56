import DequeModule
import NIOCore
import Primitives
import SignalingCore

// When calls are looked at: once what kept their inputs waiting is over, and when something is due.
extension LiveCalls {
    // MARK: Turns

    /// Takes up the inputs that waited: for a commit, for what was due, or for the others' turn.
    func goOn(with id: CallID) {
        while calls[id]?.waiting.isEmpty == false, isReady(id), let next = calls[id]?.waiting.popFirst(),
            let live = calls[id]
        {
            carryOut(next, on: live)
        }
    }

    /// Whether a call can be given an input now. One that has worked long enough rests first.
    func isReady(_ id: CallID) -> Bool {
        guard let live = calls[id], case .settled = live.standing, !live.isResting else { return false }
        guard live.budget.mustRest(at: surroundings.now()) else { return true }
        calls[id]?.isResting = true
        surroundings.metrics.rests.add()
        // Not by `execute`: a loop carries out everything that it was given before it looks at its sockets again.
        loop.assumeIsolated().scheduleTask(in: .microseconds(TurnBudget.rest.microseconds)) {
            self.calls[id]?.isResting = false
            self.goOn(with: id)
        }
        return false
    }

    // MARK: Deadlines

    /// Comes back to a call whose transition could not be committed, should one of its deadlines be due by then.
    func lookAgainSoon(at call: Call) {
        let soon = surroundings.now() + Self.retryDelay
        if case .uncertain = calls[call.id]?.standing {
            deadlines.set(call.id, soon)
        } else {
            deadlines.set(call.id, calls[call.id]?.nextLook(retryAt: soon).map { max($0, soon) })
        }
        armTimer()
    }

    private var earliestDue: Instant? {
        guard let deadline = deadlines.earliest else { return updates.earliest }
        return updates.earliest.map { min($0, deadline) } ?? deadline
    }

    func armTimer() {
        guard let due = earliestDue else {
            timer?.scheduled.cancel()
            timer = nil
            return
        }
        if let timer, timer.due <= due { return }
        timer?.scheduled.cancel()
        let delay = max(.milliseconds(0), due - surroundings.now())
        let scheduled = loop.assumeIsolated().scheduleTask(in: .microseconds(delay.microseconds)) { self.timeHasCome() }
        timer = (due, scheduled)
    }

    func timeHasCome() {
        timer = nil
        let now = surroundings.now()
        for id in updates.takeDue(by: now) { releaseUpdates(of: id, at: now) }
        for id in deadlines.takeDue(by: now) {
            if case .uncertain = calls[id]?.standing {
                lookUp(id)
            } else {
                receive(PendingInput(.timePassed), for: id)
                tryOwed(of: id)
            }
        }
        armTimer()
    }

    /// Tells those who were kept waiting what the call is like by now, whatever is under way to disk.
    private func releaseUpdates(of id: CallID, at now: Instant) {
        guard var live = calls[id] else { return }
        let deliveries = live.pace.release(of: live.call, at: now)
        calls[id] = live
        tell(deliveries, of: view(live))
        calls[id]?.budget.note(from: now, to: surroundings.now())
    }
}
