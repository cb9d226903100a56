import Primitives

// How people come into a call that exists: by being rung, by joining, by being admitted.
extension CallTurn {
    /// Rings somebody, anew or again.
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

    /// Rings somebody who is being rung. One who has not heard of it so far, and may hear of this ring, rings from now on.
    /// Else the ring is given more time, up to that of two rings: so a ring beside another one looks the same whether
    /// the first was heard or not.
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

    /// Rings those who are being rung, and anew those who have not answered, for somebody who has just come into the call
    /// to call them.
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

    /// Why somebody may not be rung now.
    private func obstacle(to callee: Callee, by participant: Participant) -> CallRefusal? {
        guard let known = call.participant(callee.user) else {
            return call.hasRoom(for: callee.user) ? nil : .callFull
        }
        guard !known.isConnected, !known.isRinging else { return nil }
        if known.isBarred, !participant.isHostOrCoHost { return .forbidden }
        // What was not heard disturbs nobody.
        if let rungAt = known.rungAt, !known.isHidden || callee.isHidden {
            let again = rungAt + call.rules.timings.ringAgain
            if now < again { return .rungJustNow(retryAfter: again - now) }
        }
        return call.hasRoom(for: callee.user) ? nil : .callFull
    }

    /// Comes into the call without being rung, or asks to be let in when it is locked.
    mutating func join(_ origin: CallOrigin, _ media: MediaState, isMember: Bool) {
        let participant = call.participant(origin.user)
        // Whoever may not know of the call is told what a stranger is told.
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
        // Who stands here as a member and is none comes back by no earlier part in the call.
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
            // Only who is a member again gets here.
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
    /// Whether somebody who is neither in the call nor rung for it may come in or be rung.
    func hasRoom(for user: UserID) -> Bool {
        let presentCount = participants.count { $0.isConnected || $0.isRinging }
        guard presentCount < rules.participantLimit else { return false }
        return participant(user) != nil || participants.count < rules.totalParticipantLimit
    }

    /// What a user who asks to be let in has asked.
    func joinRequest(of user: UserID) -> JoinRequest? {
        joinRequests.first { $0.origin.user == user }
    }
}
