import DequeModule
public import Primitives

// When calls are processed: once the reason for which their inputs waited is gone, and when something is due.
extension CallTable {
    // MARK: Turns

    /// Handles the input that has waited longest: for a commit, for what was due, or for a rest.
    mutating func drain(with id: CallID) {
        guard isReady(id), let next = calls[id]?.waiting.popFirst() else { return }
        carryOut(next, on: id)
        drainLater(with: id)
    }

    /// One input at a time, so that the cost of each can be measured.
    mutating func drainLater(with id: CallID) {
        guard let open = calls[id], open.isSettled, !open.isResting, !open.waiting.isEmpty else { return }
        outputs.append(.drain(id))
    }

    /// Whether a call can be given an input now. A call that has worked long enough rests first.
    mutating func isReady(_ id: CallID) -> Bool {
        guard let open = calls[id], open.isSettled, !open.isResting else { return false }
        guard open.budget.mustRest(at: now) else { return true }
        calls[id]?.isResting = true
        tally.rests += 1
        outputs.append(.rest(id))
        return false
    }

    /// Records how long the work for a call took.
    public mutating func noteWork(on id: CallID, from began: Instant, to ended: Instant) {
        calls[id]?.budget.note(from: began, to: ended)
    }

    // MARK: Deadlines

    /// When the table needs the input that time has passed.
    public var nextWake: Instant? {
        guard let deadline = deadlines.earliest else { return updates.earliest }
        return updates.earliest.map { min($0, deadline) } ?? deadline
    }

    /// Schedules a retry for a call whose commit failed, in case one of its deadlines is due by then.
    mutating func retrySoon(at id: CallID) {
        guard let open = calls[id] else { return }
        let soon = now + Self.retryDelay
        if case .uncertain = open.commit {
            deadlines.set(id, soon)
        } else {
            deadlines.set(id, open.nextLook(retryAt: soon).map { max($0, soon) })
        }
    }

    mutating func timePassed() {
        for id in updates.takeDue(by: now) { releaseUpdates(of: id) }
        for id in deadlines.takeDue(by: now) {
            if case .uncertain? = calls[id]?.commit {
                lookUp(id)
            } else {
                receive(Pending(.timePassed), for: id)
                tryOwed(of: id)
            }
        }
    }

    /// Sends the call's latest state to those who were kept waiting, whatever commits are in flight.
    private mutating func releaseUpdates(of id: CallID) {
        guard var open = calls[id] else { return }
        let deliveries = open.pace.release(of: open.call, at: now)
        calls[id]?.pace = open.pace
        tell(deliveries, of: open.view)
    }
}
