import Primitives

extension CallTurn {
    /// Takes a participant out of the call, and ends the call when it can't continue without them.
    mutating func leave(_ user: UserID, _ reason: Participant.LeaveReason) {
        guard let connection = call.participant(user)?.connection else { return }
        switch reason {
        case .disconnected: closeShare(of: user, .disconnected)
        case .kicked, .removed: closeShare(of: user, .kicked)
        default: closeShare(of: user, .left)
        }
        set(user, .left(joinedAt: connection.joinedAt, at: now, reason))
        call.negotiations.forget(user)
        switch (call.phase, reason) {
        // A group call outlives its members' leaving; its deadlines say for how long.
        case (.ongoing, _) where call.mode == .group: break
        case (.initiated, .disconnected): end(.callerDisconnected)
        case (.initiated, _): end(.cancelled)
        case (.ongoing, .disconnected): end(.disconnected)
        case (.ongoing, .iceFailed): end(.iceFailed)
        case (.ongoing, _): end(.hangup)
        case (.completed, _), (.missed, _): break
        }
    }

    /// Ends a ringing call when the last callee has stopped ringing without an answer.
    mutating func endIfNobodyIsRung() {
        guard case .initiated = call.phase, !call.participants.contains(where: \.isRinging) else { return }
        let callees = call.participants.filter { $0.user != call.initiator }
        func all(_ reason: Participant.LeaveReason) -> Bool {
            callees.allSatisfy { if case .declined(_, reason) = $0.state { true } else { false } }
        }
        end(all(.declined) ? .declined : all(.busy) ? .busy : .noAnswer)
    }

    /// Ends the call now: nobody is in it or rung for it, no screen is shared, nothing is pending.
    mutating func end(_ reason: Call.EndReason) {
        switch call.phase {
        case .initiated: call.phase = .missed(endedAt: now, reason)
        case .ongoing(let answeredAt): call.phase = .completed(answeredAt: answeredAt, endedAt: now, reason)
        case .completed, .missed: return
        }
        for share in call.screenShares {
            closeShare(of: share.sharer, reason == .serverRestart ? .serverRestart : .callEnded)
        }
        for participant in call.participants {
            switch participant.state {
            case .ringing:
                set(participant.user, .left(joinedAt: nil, at: now, reason == .cancelled ? .cancelled : .callEnded))
            case .connected(let connection):
                let reason: Participant.LeaveReason = reason == .serverRestart ? .disconnected : .callEnded
                set(participant.user, .left(joinedAt: connection.joinedAt, at: now, reason))
            case .declined, .left: break
            }
        }
        for request in call.joinRequests {
            told.append(CallDelivery(to: .device(request.origin.user, request.origin.device), .updated))
        }
        call.joinRequests = []
        call.mailbox = Mailbox()
        call.negotiations = Negotiations()
        call.busyDevices = []
    }
}
