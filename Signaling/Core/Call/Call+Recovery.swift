public import Primitives

extension Call {
    /// Makes a call from its stored fields, whatever its phase.
    public init(
        id: CallID, conversation: ConversationID, mode: Mode, initiator: UserID, clientCallID: RequestID,
        type: MediaType, startedAt: Instant, ringExpiresAt: Instant, rules: CallRules, storedPhase: Phase,
        storedParticipants: [Participant], openShares: [ScreenShare], isLocked: Bool, revision: Int64
    ) {
        self.init(
            id: id, conversation: conversation, mode: mode, initiator: initiator, clientCallID: clientCallID,
            type: type, startedAt: startedAt, ringExpiresAt: ringExpiresAt, rules: rules, phase: storedPhase,
            participants: storedParticipants, screenShares: openShares, isLocked: isLocked,
            revision: revision)
    }

    /// The call as an owner adopts it after a restart or from another owner: no device has been seen yet, and everybody
    /// in the call is given the recovery time to come back. What came due in the meantime is carried out by the first
    /// input, at its own time.
    ///
    /// A call that was written by a clock ahead of ours continues by that clock: the rest of a ring or a grace lasts no
    /// longer than the rules say, however far ahead it was.
    ///
    /// - Parameter lastSeen: When the previous owner was last alive. A running call that nobody rejoins ended then.
    public func adopted(at now: Instant, lastSeen: Instant) -> Call {
        var call = self
        guard !isEnded else { return call }
        call.lead = max(Instant.Span(microseconds: 0), latestMoment - now)
        let present = call.clamped(now)
        // Clocks differ a little; nothing was seen in the future.
        call.ownerLastSeen = min(lastSeen, present)
        for (index, participant) in participants.enumerated() {
            switch participant.state {
            case .connected(var connection):
                connection.reachability = .adopted(until: present + rules.timings.recovery)
                call.participants[index].state = .connected(connection)
            case .ringing(var ringing):
                ringing.until = min(ringing.until, (participant.rungAt ?? startedAt) + rules.timings.longestRing)
                call.participants[index].state = .ringing(ringing)
            case .declined, .left: break
            }
        }
        return call
    }
}

extension Call.ScreenShare {
    /// Makes a share from its stored fields.
    public init(storedSharer sharer: UserID, startedAt: Instant) {
        self.init(sharer: sharer, startedAt: startedAt)
    }
}
