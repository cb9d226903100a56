public import Primitives

extension Call {
    /// Whether a user may see the call as it is (`Participant.maySeeCall`).
    public func maySeeCall(_ user: UserID) -> Bool { participant(user)?.maySeeCall ?? false }

    /// What a participant who left and may no longer see the call can still see: for them it was over when they left.
    /// It contains nothing from after that, and no revision, which would show that something happened.
    ///
    /// - Returns: Nil for users who never were in the call, who must not know of it, or who may see it as it is.
    public func past(of user: UserID) -> Call? {
        guard let own = participant(user), !own.isHidden, !own.maySeeCall, let leftAt = own.leftAt else { return nil }
        var past = self
        past.revision = 0
        past.isLocked = false
        past.joinRequests = []
        past.screenShares = []
        past.mailbox = Mailbox()
        past.negotiations = Negotiations()
        past.carriedOut = CarriedOutCommands()
        past.busyDevices = []
        past.ringExpiresAt = min(ringExpiresAt, leftAt)
        let reason = own.reasonOfEnd
        if let answeredAt, answeredAt <= leftAt {
            past.phase = .completed(answeredAt: answeredAt, endedAt: leftAt, reason)
        } else {
            past.phase = .missed(endedAt: leftAt, reason)
        }
        past.participants = participants.compactMap { $0.user == user ? own : $0.past(until: leftAt, in: self) }
        return past
    }
}

extension Participant {
    fileprivate var leftAt: Instant? {
        switch state {
        case .ringing, .connected: nil
        case .declined(let at, _), .left(_, let at, _): at
        }
    }

    /// The end reason to show to somebody who left the call for this reason.
    fileprivate var reasonOfEnd: Call.EndReason {
        switch state {
        case .ringing, .connected: .hangup
        case .declined(_, let reason), .left(_, _, let reason):
            switch reason {
            case .declined: .declined
            case .busy: .busy
            case .noAnswer: .noAnswer
            case .cancelled: .cancelled
            case .removed, .kicked: .endedByHost
            case .hangup, .callEnded: .hangup
            case .disconnected: .disconnected
            case .iceFailed: .iceFailed
            }
        }
    }

    /// The participant as visible to somebody who left then; nil if nothing was visible by then.
    fileprivate func past(until end: Instant, in call: Call) -> Participant? {
        var past = self
        past.role = user == call.initiator ? .host : .participant
        switch state {
        case .ringing:
            guard let rungAt, rungAt <= end else { return nil }
            past.state = .left(joinedAt: nil, at: end, .callEnded)
        case .connected(let connection):
            guard connection.joinedAt <= end else { return nil }
            past.state = .left(joinedAt: connection.joinedAt, at: end, .callEnded)
        case .declined(let at, _):
            guard at > end else { return past }
            guard let rungAt, rungAt <= end else { return nil }
            past.state = .left(joinedAt: nil, at: end, .callEnded)
        case .left(let joinedAt, let at, _):
            guard at > end else { return past }
            guard let came = joinedAt ?? rungAt, came <= end else { return nil }
            past.state = .left(joinedAt: joinedAt, at: end, .callEnded)
        }
        return past
    }
}
