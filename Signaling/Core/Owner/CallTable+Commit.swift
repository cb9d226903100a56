import DequeModule
import Primitives

// Commit, reply, fan out.
extension CallTable {
    /// Sends a transition to disk; one that is never stored takes effect at once.
    mutating func commit(_ transition: CallTransition, of id: CallID, then: FollowUp) {
        guard !transition.changes.isEmpty else { return apply(transition, to: id, then: then) }
        guard let open = calls[id] else { return }
        guard let owner = lease.owner(at: now) else { return commitFailed(.unavailable, of: id, then: then) }
        lastCommit += 1
        let commit = Commit(
            id: CommitID(number: lastCommit),
            change: RecordedChange(transition: transition, people: open.people, at: now),
            then: then)
        set(.committing(commit), of: id)
        outputs.append(.commit(commit.id, commit.change, over: open.storedRevision, by: owner))
    }

    mutating func committed(_ commitID: CommitID, _ id: CallID, _ outcome: CommitOutcome) {
        guard case .committing(let commit)? = calls[id]?.commit, commit.id == commitID else { return }
        let transition = commit.change.transition
        set(.settled, of: id)
        switch outcome {
        case .stored:
            calls[id]?.storedRevision = transition.call.revision
            apply(transition, to: id, then: commit.then)
            resyncDevices(of: id)
        case .unknown:
            conclude(commit.then, in: id, failed: .unavailable)
            set(.uncertain(commit, isAsked: false), of: id)
            lookUp(id)
        case .unavailable, .overtaken, .duplicate, .invalid:
            commitFailed(outcome, of: id, then: commit.then)
        }
        drainLater(with: id)
    }

    /// A transition is certainly not on disk.
    private mutating func commitFailed(_ outcome: CommitOutcome, of id: CallID, then: FollowUp) {
        guard let open = calls[id] else { return }
        let isNew = open.storedRevision == 0
        switch outcome {
        case .overtaken:
            conclude(then, in: id, failed: .unavailable)
            letGo(of: id)
        case .duplicate where isNew:
            forget(id)
            guard case .answer(let replyTo) = then else { return }
            outputs.append(.answerRepeatedInvite(by: open.call.initiator, as: open.call.clientCallID, replyTo))
        case .stored, .unknown, .unavailable, .duplicate, .invalid:
            conclude(then, in: id, failed: outcome == .unavailable ? .unavailable : .failed)
            if isNew { forget(id) } else { retrySoon(at: id) }
        }
    }

    /// Replaces the old state by the new one, answers, and tells everybody.
    mutating func apply(_ transition: CallTransition, to id: CallID, then: FollowUp) {
        guard calls[id] != nil else { return }
        let (call, isNew) = (transition.call, transition.isPlacing)
        // Most inputs are signals, of which nobody sees anything but the signal itself.
        let old = transition.happenings.isEmpty ? nil : calls[id]?.call
        tally.note(transition)
        trace?.append(.applied(transition))
        calls[id]?.call = call
        // A change that nobody can see does not affect who is in the call.
        if let old, call.revision != old.revision { reindex(old, call) }
        if isNew, let device = call.participant(call.initiator)?.connection?.device {
            recheck(CallOrigin(user: call.initiator, device: device), in: id)
        }
        forgetStrangers(in: id)
        if case .owed(let input) = then { calls[id]?.owed.removeAll { $0 == input } }
        let deliveries = calls[id]?.pace.tell(transition, at: now) ?? []
        guard let open = calls[id] else { return }
        deadlines.set(id, open.nextLook(retryAt: now + Self.retryDelay))
        updates.set(id, open.pace.due)
        // By the time anybody is told of the end, the call is gone.
        let waiting = call.isEnded ? removeCall(id) : []
        if case .answer(let replyTo) = then {
            outputs.append(.reply(replyTo, CallReply(transition, people: open.people, to: replyTo.origin.user)))
        }
        tell(deliveries, of: open.view)
        for case .rang(let place, .unheard) in transition.happenings {
            outputs.append(.feignRinging(call.participants[place].user, id))
        }
        answer(waiting, to: id)
    }

    /// Keeps the profiles of the people whom the call concerns, and no others.
    private mutating func forgetStrangers(in id: CallID) {
        guard let open = calls[id],
            open.people.count > open.call.participants.count + open.call.joinRequests.count
        else { return }
        let users = open.call.users
        calls[id]?.people = open.people.filter { users.contains($0.key) }
    }

    /// Sends events to devices, each event once for all its recipients.
    mutating func tell(_ deliveries: [CallDelivery], of view: CallView) {
        for broadcast in CallBroadcast.gathered(from: deliveries) {
            if case .signal = broadcast.event { tally.relayedSignals += 1 }
            outputs.append(.deliver(broadcast.event, view, broadcast.addresses))
        }
    }

    mutating func set(_ state: CommitState, of id: CallID) {
        guard calls[id] != nil else { return }
        calls[id]?.commit = state
        if case .settled = state { unsettled.remove(id) } else { unsettled.insert(id) }
    }
}

extension Call {
    /// Callees whom the others see ringing, and who are not told.
    var unheardCallees: [UserID] {
        participants.filter { $0.isRinging && $0.isHidden }.map(\.user)
    }
}
