import Wire

extension WireCall {
    /// Applies a change to the call, as the schema tells clients to.
    mutating func take(_ change: WireCallChanged) {
        revision = change.revision
        for participant in change.participants {
            if let index = participants.firstIndex(where: { $0.user.id == participant.user.id }) {
                participants[index] = participant
            } else {
                participants.append(participant)
            }
        }
        for shown in change.shown {
            guard let index = participants.firstIndex(where: { $0.user.id == shown.userID }) else { continue }
            participants[index].alerted = shown.alerted
            participants[index].reconnecting = shown.reconnecting
            participants[index].onHold = shown.onHold
            if shown.hasMedia { participants[index].media = shown.media } else { participants[index].clearMedia() }
            if shown.hasHandRaisedAt {
                participants[index].handRaisedAt = shown.handRaisedAt
            } else {
                participants[index].clearHandRaisedAt()
            }
        }
        if change.hasState {
            let state = change.state
            status = state.status
            endReason = state.endReason
            mode = state.mode
            locked = state.locked
            if state.hasAnsweredAt { answeredAt = state.answeredAt } else { clearAnsweredAt() }
            if state.hasEndedAt { endedAt = state.endedAt } else { clearEndedAt() }
            if state.hasRingExpiresAt { ringExpiresAt = state.ringExpiresAt } else { clearRingExpiresAt() }
        }
        if change.hasScreenShares { screenShares = change.screenShares.shares }
        if change.hasJoinRequests { joinRequests = change.joinRequests.users }
    }
}
