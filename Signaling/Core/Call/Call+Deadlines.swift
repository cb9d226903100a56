public import Primitives

extension Call {
    /// The next moment at which something happens by itself; nil once the call is over. The owner then calls
    /// `handle(.timePassed, at:)`; being late only delays when people are told.
    public var nextDeadline: Instant? {
        earliestDeadline.map { $0.due - lead }
    }

    private var earliestDeadline: (due: Instant, event: Deadline)? {
        var earliest: (due: Instant, event: Deadline)?
        func consider(_ due: Instant, _ event: Deadline) {
            if let current = earliest, current.due <= due { return }
            earliest = (due, event)
        }
        switch phase {
        case .completed, .missed: return nil
        case .initiated: break
        case .ongoing(let answeredAt):
            consider(answeredAt + rules.timings.maxDuration, .maxDuration)
            if let due = desertedUntil { consider(due.due, due.event) }
        }
        if let negotiation = negotiations.oldest {
            consider(negotiation.since + rules.timings.negotiation, .negotiation(negotiation))
        }
        for participant in participants {
            switch participant.state {
            case .ringing(let ringing): consider(ringing.until, .ringing(participant.user))
            case .connected(let connection):
                switch connection.reachability {
                case .reachable: break
                case .lost(let until), .adopted(let until): consider(until, .grace(participant.user))
                }
            case .declined, .left: break
            }
        }
        return earliest
    }

    /// When a group call with one or no participant left ends; nil while there are more, or one and somebody rings.
    private var desertedUntil: (due: Instant, event: Deadline)? {
        guard mode == .group, let answeredAt else { return nil }
        var connected = 0
        var isAnybodyRung = false
        // The start of this time is derived from stored times: a restart changes nothing about it.
        var since = answeredAt
        var leftAt = answeredAt
        for participant in participants {
            switch participant.state {
            case .ringing: isAnybodyRung = true
            case .connected(let connection):
                connected += 1
                since = max(since, connection.joinedAt)
            case .declined(let at, _), .left(nil, let at, _): since = max(since, at)
            case .left(.some, let at, _):
                since = max(since, at)
                leftAt = max(leftAt, at)
            }
        }
        switch connected {
        // A ring that merely stops does not delay the end of an empty call.
        case 0: return (leftAt + rules.timings.empty, .empty)
        case 1 where !isAnybodyRung: return (since + rules.timings.alone, .alone)
        default: return nil
        }
    }

    /// What can become due.
    fileprivate enum Deadline {
        case ringing(UserID)
        case grace(UserID)
        case negotiation(Negotiation)
        case alone
        case empty
        case maxDuration
    }

    fileprivate func deadline(dueBy now: Instant) -> (due: Instant, event: Deadline)? {
        guard let earliest = earliestDeadline, earliest.due <= now else { return nil }
        return earliest
    }
}

extension CallTurn {
    /// Carries out every deadline up to now, each at its own time, in order.
    ///
    /// - Returns: Whether any was due.
    mutating func carryOutDeadlines() -> Bool {
        let present = now
        var wasOverdue = false
        // Each iteration takes a participant out of ringing or out of the call, removes an offer, or ends the call: so
        // the loop ends.
        while let (due, deadline) = call.deadline(dueBy: present) {
            now = due
            wasOverdue = true
            switch deadline {
            case .ringing(let user):
                set(user, .left(joinedAt: nil, at: now, .noAnswer))
                endIfNobodyIsRung()
            case .grace(let user): graceRanOut(user)
            case .negotiation(let negotiation): giveUp(negotiation)
            case .alone: end(.alone)
            case .empty: end(.empty)
            case .maxDuration: end(.maxDuration)
            }
        }
        now = present
        return wasOverdue
    }

    private mutating func graceRanOut(_ user: UserID) {
        guard let connection = call.participant(user)?.connection else { return }
        if case .adopted = connection.reachability, !hasAnybodyComeBack, call.answeredAt != nil {
            // Nobody came back after the restart: the call certainly lasted until the last sign of life.
            now = max(call.latestMoment, call.ownerLastSeen ?? call.startedAt)
            end(.serverRestart)
        } else {
            leave(user, .disconnected)
        }
    }

    private var hasAnybodyComeBack: Bool {
        call.participants.contains { participant in
            guard let connection = participant.connection else { return false }
            if case .adopted = connection.reachability { return false }
            return true
        }
    }

    mutating func deviceLost(_ origin: CallOrigin) {
        withdrawJoinRequest(of: origin)
        guard !call.isEnded, var connection = call.participant(origin.user)?.connection,
            connection.device == origin.device, connection.reachability == .reachable
        else { return }
        let grace = call.answeredAt == nil ? call.rules.timings.callerLost : call.rules.timings.reconnect
        connection.reachability = .lost(until: now + grace)
        set(origin.user, .connected(connection))
        call.negotiations.forget(origin.user)
    }

    mutating func deviceReturned(_ origin: CallOrigin) {
        guard !call.isEnded, let participant = call.participant(origin.user), !participant.isHidden else { return }
        switch participant.state {
        case .ringing:
            told.append(CallDelivery(to: .device(origin.user, origin.device), .incoming))
        case .connected(var connection) where connection.device == origin.device:
            connection.reachability = .reachable
            set(origin.user, .connected(connection))
            deliverMail(to: origin)
        case .connected, .declined, .left: break
        }
    }

    /// A caller gets less time while the call rings than the participants of a running call.
    mutating func restoreGrace() {
        for participant in call.participants {
            guard var connection = participant.connection, case .lost(let until) = connection.reachability else {
                continue
            }
            connection.reachability = .lost(until: max(until, now + call.rules.timings.reconnect))
            set(participant.user, .connected(connection))
        }
    }
}

extension Call {
    /// The current time as the call sees it: a clock that was set back must not end a call before it began.
    func clamped(_ now: Instant) -> Instant { max(now + lead, latestMoment) }

    /// The latest time recorded in the call.
    var latestMoment: Instant {
        var latest = max(startedAt, answeredAt ?? startedAt)
        for participant in participants {
            switch participant.state {
            case .ringing: if let rungAt = participant.rungAt { latest = max(latest, rungAt) }
            case .connected(let connection): latest = max(latest, connection.joinedAt)
            case .declined(let at, _), .left(_, let at, _): latest = max(latest, at)
            }
        }
        for share in screenShares { latest = max(latest, share.startedAt) }
        return latest
    }
}
