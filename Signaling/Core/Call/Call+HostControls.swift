import Primitives

// What hosts do to the others in a group call. Everything is checked here: a disabled button protects nobody.
extension CallTurn {
    mutating func carryOut(_ control: HostControl, by participant: Participant, _ origin: CallOrigin) {
        if call.isEnded {
            // Ending a call that is over is not an error: somebody else was faster.
            refusal = control == .end ? nil : .callEnded
            return
        }
        guard mayControl(participant, origin) else {
            refusal = call.mode == .group && isActive(origin) ? .forbidden : .wrongState
            return
        }
        switch control {
        case .setRole(let user, let role): setRole(role, of: user, by: participant)
        case .stopMedia(let medium, of: let user?): stopMedia(medium, of: user, by: participant)
        case .stopMedia(let medium, of: nil): stopMedia(medium, by: participant)
        case .remove(let user, let isBarred): remove(user, isBarred: isBarred, by: participant)
        case .lock(let isLocked): lock(isLocked)
        case .admit(let user, let isAdmitted): answerJoinRequest(of: user, isAdmitted: isAdmitted)
        case .end: endForAll(participant)
        }
    }

    /// Whether this device may act as a host: it is in a group call and belongs to a host or co-host.
    func mayControl(_ participant: Participant, _ origin: CallOrigin) -> Bool {
        call.mode == .group && isActive(origin) && participant.isHostOrCoHost
    }

    private mutating func setRole(_ role: Participant.Role, of user: UserID, by host: Participant) {
        guard host.role == .host, user != host.user else {
            refusal = .forbidden
            return
        }
        guard let index = call.index(of: user) else {
            refusal = .notFound
            return
        }
        if role == .host {
            guard call.participants[index].isConnected else {
                refusal = .wrongState
                return
            }
            setRole(.coHost, of: host.user)
        }
        call.participants[index].role = role
    }

    private mutating func stopMedia(_ medium: Medium, by host: Participant) {
        for other in call.participants where other.user != host.user && other.isConnected && other.role != .host {
            stopMedia(medium, of: other.user, by: host)
        }
    }

    /// Asks for silence; switches off a camera or a screen share.
    private mutating func stopMedia(_ medium: Medium, of user: UserID, by host: Participant) {
        guard let other = call.participant(user), var connection = other.connection else {
            refusal = call.participant(user) == nil ? .notFound : nil
            return
        }
        guard mayAct(on: other, host) else {
            refusal = .forbidden
            return
        }
        switch medium {
        case .microphone: break
        case .camera:
            connection.media.camera = false
            set(user, .connected(connection))
        case .screen: closeShare(of: user, .stopped)
        }
        told.append(CallDelivery(to: .device(user, connection.device), .mediaStopped(medium, by: host.user)))
    }

    private mutating func remove(_ user: UserID, isBarred: Bool, by host: Participant) {
        guard let other = call.participant(user) else {
            // A user who is only asking to be admitted is refused.
            if call.joinRequest(of: user) == nil { refusal = .notFound }
            return answerJoinRequest(of: user, isAdmitted: false)
        }
        guard user != host.user, mayAct(on: other, host) else {
            refusal = .forbidden
            return
        }
        let reason: Participant.LeaveReason = isBarred ? .kicked : .removed
        answerJoinRequest(of: user, isAdmitted: false)
        switch other.state {
        case .ringing:
            set(user, .left(joinedAt: nil, at: now, reason))
            endIfNobodyIsRung()
        case .connected: leave(user, reason)
        case .declined(let at, _): if isBarred { set(user, .left(joinedAt: nil, at: at, .kicked)) }
        case .left(let joinedAt, let at, _): if isBarred { set(user, .left(joinedAt: joinedAt, at: at, .kicked)) }
        }
    }

    private mutating func lock(_ isLocked: Bool) {
        call.isLocked = isLocked
        guard !isLocked else { return }
        // Once the call is unlocked nobody is left waiting: those for whom there is no room are told so.
        for request in call.joinRequests {
            if call.hasRoom(for: request.origin.user) {
                enter(request.origin, request.media)
            } else {
                turnAway(request)
            }
        }
    }

    private mutating func answerJoinRequest(of user: UserID, isAdmitted: Bool) {
        guard let request = call.joinRequest(of: user) else { return }
        if !isAdmitted {
            turnAway(request)
        } else if call.hasRoom(for: user) {
            enter(request.origin, request.media)
        } else {
            refusal = .callFull
        }
    }

    mutating func turnAway(_ request: Call.JoinRequest) {
        call.joinRequests.removeAll { $0 == request }
        told.append(CallDelivery(to: .device(request.origin.user, request.origin.device), .joinDenied))
    }

    private mutating func endForAll(_ host: Participant) {
        guard host.role == .host else {
            refusal = .forbidden
            return
        }
        end(call.answeredAt == nil ? .cancelled : .endedByHost)
    }

    private func mayAct(on other: Participant, _ host: Participant) -> Bool {
        host.role == .host || other.role != .host
    }

    private mutating func setRole(_ role: Participant.Role, of user: UserID) {
        guard let index = call.index(of: user) else { return }
        call.participants[index].role = role
    }

    /// Makes somebody host when no host is left in the call: a co-host first, then the longest-connected participant.
    mutating func passHostOn() {
        guard call.mode == .group, !call.isEnded else { return }
        let connected = call.participants.filter(\.isConnected)
        guard !connected.contains(where: { $0.role == .host }) else { return }
        let next = connected.min { left, right in
            if left.role != right.role { return left.role == .coHost }
            guard let leftJoined = left.connection?.joinedAt, let rightJoined = right.connection?.joinedAt else {
                return false
            }
            return leftJoined < rightJoined
        }
        guard let next else { return }
        // The former host becomes co-host.
        for former in call.participants where former.role == .host { setRole(.coHost, of: former.user) }
        setRole(.host, of: next.user)
    }
}
