import Primitives

// How people get into an existing call: by being rung, by joining, by being admitted.
extension CallTurn {
    /// Rings somebody, for the first time or again.
    mutating func ring(_ callee: Callee) {
        var ringing = Participant.Ringing(until: now + call.rules.timings.ring)
        call.joinRequests.removeAll { $0.origin.user == callee.user }
        call.busyDevices = call.busyDevices.filter { $0.user != callee.user }
        // A ring that nobody heard seems to go on.
        ringing.isAlerted = call.participant(callee.user)?.ringing?.isAlerted ?? false
        let isBusy = callee.isBusy && !callee.isHidden
        let state: Participant.State = isBusy ? .declined(at: now, .busy) : .ringing(ringing)
        if let index = call.index(of: callee.user) {
            call.participants[index].state = state
            call.participants[index].rungAt = now
            call.participants[index].isHidden = callee.isHidden
            call.participants[index].standing = callee.isMember ? .member : .guest
        } else {
            call.participants.append(
                Participant(
                    user: callee.user, isPolite: true, role: .participant, rungAt: now, isHidden: callee.isHidden,
                    standing: callee.isMember ? .member : .guest, state: state))
        }
    }

    /// Rings somebody who is being rung. If they have not been told of the call so far and may be told of this ring, it
    /// starts now. Otherwise the ring is extended, up to the length of two rings: so a ring beside another one looks
    /// the same whether the first was heard or not.
    private mutating func extendRing(_ callee: Callee) {
        guard let known = call.participant(callee.user), var ringing = known.ringing, let rungAt = known.rungAt else {
            return
        }
        if known.isHidden, !callee.isHidden {
            ring(callee)
        } else {
            let ring = call.rules.timings.ring
            ringing.until = max(ringing.until, min(now + ring, rungAt + ring + ring))
            set(callee.user, .ringing(ringing))
        }
        if case .initiated = call.phase, let ringing = call.participant(callee.user)?.ringing {
            call.ringExpiresAt = max(call.ringExpiresAt, ringing.until)
        }
        endIfNobodyIsRung()
    }

    /// Rings those who are being rung, and again those who have not answered, for somebody who has just entered the
    /// call in order to call them.
    mutating func ringWhoHasNotAnswered(_ callees: [Callee], _ origin: CallOrigin) {
        guard let participant = call.participant(origin.user), isActive(origin),
            !call.isLocked || participant.isHostOrCoHost
        else { return }
        for callee in callees where !call.isEnded {
            switch call.participant(callee.user)?.state {
            case .ringing: extendRing(callee)
            case .left(_, _, .noAnswer) where obstacle(to: callee, by: participant) == nil: ring(callee)
            case .connected, .declined, .left, nil: break
            }
        }
    }

    /// Rings more people: anybody in a group call may, unless it is locked.
    mutating func add(_ callees: [Callee], by participant: Participant, _ origin: CallOrigin) {
        if call.isEnded {
            refusal = .callEnded
            return
        }
        guard isActive(origin), call.answeredAt != nil || call.mode == .group else {
            refusal = .wrongState
            return
        }
        guard !call.isLocked || participant.isHostOrCoHost else {
            refusal = .forbidden
            return
        }
        var isAnybodyRung = false
        var reason: CallRefusal?
        for callee in callees {
            if let obstacle = obstacle(to: callee, by: participant) {
                reason = reason ?? obstacle
            } else if call.participant(callee.user)?.isRinging ?? false {
                extendRing(callee)
                if call.isEnded { return }
            } else if call.participant(callee.user).map({ !$0.isConnected }) ?? true {
                isAnybodyRung = true
                ring(callee)
            }
        }
        if isAnybodyRung {
            call.mode = .group
            if case .initiated = call.phase {
                call.ringExpiresAt = max(call.ringExpiresAt, now + call.rules.timings.ring)
            }
        } else {
            refusal = reason
        }
    }

    /// Why somebody may not be rung now; nil if they may.
    private func obstacle(to callee: Callee, by participant: Participant) -> CallRefusal? {
        guard let known = call.participant(callee.user) else {
            return call.hasRoom(for: callee.user) ? nil : .callFull
        }
        guard !known.isConnected, !known.isRinging else { return nil }
        if known.isBarred, !participant.isHostOrCoHost { return .forbidden }
        // A ring that was not heard disturbs nobody.
        if let rungAt = known.rungAt, !known.isHidden || callee.isHidden {
            let again = rungAt + call.rules.timings.ringAgain
            if now < again { return .rungJustNow(retryAfter: again - now) }
        }
        return call.hasRoom(for: callee.user) ? nil : .callFull
    }

    /// Comes into the call without being rung, or asks to be admitted if it is locked.
    mutating func join(_ origin: CallOrigin, _ media: MediaState, isMember: Bool) {
        let participant = call.participant(origin.user)
        // Those who may not know of the call get the same answer as a stranger.
        guard mayJoin(participant, isMember: isMember) else {
            refusal = .notFound
            return
        }
        if call.isEnded {
            refusal = .callEnded
            return
        }
        switch participant?.state {
        case .connected(let connection): refusal = connection.device == origin.device ? nil : .answeredElsewhere
        case .ringing where participant?.isHidden == false: connect(origin, media)
        case .declined, .left, .ringing, nil:
            guard call.mode == .group else {
                refusal = .wrongState
                return
            }
            comeIn(origin, media, participant)
        }
    }

    private func mayJoin(_ participant: Participant?, isMember: Bool) -> Bool {
        if call.mode == .group, isMember { return true }
        guard let participant, participant.maySeeCall else { return false }
        // Somebody recorded as a member who no longer is one can't return by an earlier part in the call.
        return call.mode == .direct || call.isEnded || participant.standing == .guest || participant.isConnected
            || participant.isRinging
    }

    private mutating func comeIn(_ origin: CallOrigin, _ media: MediaState, _ participant: Participant?) {
        if participant?.isBarred == true {
            refusal = .forbidden
        } else if !call.hasRoom(for: origin.user) {
            refusal = .callFull
        } else if call.isLocked, participant?.isHostOrCoHost != true {
            requestAdmission(origin, media)
        } else {
            enter(origin, media)
        }
    }

    private mutating func requestAdmission(_ origin: CallOrigin, _ media: MediaState) {
        if let index = call.joinRequests.firstIndex(where: { $0.origin.user == origin.user }) {
            call.joinRequests[index] = Call.JoinRequest(origin: origin, media: media)
        } else if call.joinRequests.count < call.rules.participantLimit {
            call.joinRequests.append(Call.JoinRequest(origin: origin, media: media))
        } else {
            refusal = .callFull
        }
    }

    /// Puts somebody who is not rung into the call.
    mutating func enter(_ origin: CallOrigin, _ media: MediaState) {
        if call.participant(origin.user) == nil {
            call.participants.append(
                Participant(
                    user: origin.user, isPolite: true, role: .participant,
                    state: .connected(.init(joinedAt: now, device: origin.device))))
        } else if let index = call.index(of: origin.user), call.participants[index].standing == .former {
            // Only somebody who is a member again gets here.
            call.participants[index].standing = .member
        }
        call.joinRequests.removeAll { $0.origin.user == origin.user }
        connect(origin, media)
    }

    mutating func withdrawJoinRequest(of origin: CallOrigin) {
        call.joinRequests.removeAll { $0.origin == origin }
    }
}

extension Call {
    /// Whether there is room for somebody who is neither in the call nor rung for it.
    func hasRoom(for user: UserID) -> Bool {
        let presentCount = participants.count { $0.isConnected || $0.isRinging }
        guard presentCount < rules.participantLimit else { return false }
        return participant(user) != nil || participants.count < rules.totalParticipantLimit
    }

    /// The pending request of a user to be admitted.
    func joinRequest(of user: UserID) -> JoinRequest? {
        joinRequests.first { $0.origin.user == user }
    }
}
