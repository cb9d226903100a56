public import Primitives

/// A call that is about to be placed. Ids come from outside: a core makes none.
public struct Invitation: Sendable, Equatable {
    /// The new call's id.
    public var call: CallID
    /// The conversation that it belongs to.
    public var conversation: ConversationID
    /// Whether it is between two people or among many.
    public var mode: Call.Mode
    /// The device that calls.
    public var caller: CallOrigin
    /// Who is called: one in a direct call, at least one in a group call, each once and never the caller.
    public var callees: [Callee]
    /// Voice or video.
    public var type: Call.MediaType
    /// What the caller sends.
    public var media: MediaState
    /// The caller's own name for the call.
    public var clientCallID: RequestID

    /// Makes an invitation.
    public init(
        call: CallID, conversation: ConversationID, mode: Call.Mode, caller: CallOrigin, callees: [Callee],
        type: Call.MediaType, media: MediaState, clientCallID: RequestID
    ) {
        self.call = call
        self.conversation = conversation
        self.mode = mode
        self.caller = caller
        self.callees = callees
        self.type = type
        self.media = media
        self.clientCallID = clientCallID
    }
}

extension Call {
    /// Places a call: the callees are rung on all their devices, or the call is over at once when all are busy.
    public static func place(_ invitation: Invitation, rules: CallRules, at now: Instant) -> CallTransition {
        let caller = invitation.caller
        let empty = Call(
            id: invitation.call, conversation: invitation.conversation, mode: invitation.mode,
            initiator: caller.user, clientCallID: invitation.clientCallID, type: invitation.type, startedAt: now,
            ringExpiresAt: now + rules.timings.ring, rules: rules, phase: .initiated, participants: [], revision: 0)
        var turn = CallTurn(empty, at: now)
        turn.origin = caller
        turn.call.participants = [
            Participant(
                user: caller.user, isPolite: false, role: .host,
                state: .connected(.init(joinedAt: now, device: caller.device, media: invitation.media)))
        ]
        for callee in invitation.callees { turn.ring(callee) }
        turn.endIfNobodyIsRung()
        return turn.transition()
    }

    /// Carries out an invite between people who have this open direct call already: it answers the call when it came
    /// the other way (glare), and takes it over to the inviting device when it is the inviter's own. A repeat of an
    /// invite, this call's own or a later one, changes nothing: the call may have been moved since.
    ///
    /// - Parameter name: The client's own name for the call that it wants to place.
    public func handleInvite(
        from origin: CallOrigin, as name: RequestID, media: MediaState, at now: Instant
    ) -> CallTransition {
        var turn = CallTurn(self, at: now)
        turn.carryOutDeadlines()
        turn.origin = origin
        if hasCarriedOut(name, of: origin.user) { return turn.transition() }
        switch turn.call.participant(origin.user)?.state {
        case .ringing: turn.connect(origin, media)
        case .connected(let connection) where connection.device != origin.device: turn.move(to: origin, media)
        case .connected, .declined, .left: break
        case nil: turn.refusal = .notFound
        }
        if turn.refusal == nil { turn.call.carriedOut.insert(name, of: origin.user) }
        return turn.transition()
    }

    /// Carries out an invite of a member where there is this open group call already: the member joins it, and rings those
    /// who are being rung, and those who have not answered. Among them may be somebody who has not heard of the call,
    /// because whoever has rung them is not welcome.
    ///
    /// - Parameters:
    ///   - name: The client's own name for the call that it wants to place.
    ///   - callees: Who is called.
    public func handleGroupInvite(
        from origin: CallOrigin, as name: RequestID, media: MediaState, callees: [Callee], at now: Instant
    ) -> CallTransition {
        var turn = CallTurn(self, at: now)
        turn.carryOutDeadlines()
        let isRepeated = turn.call.hasCarriedOut(name, of: origin.user)
        turn.carryOut(.join(name, media, isMember: true), from: origin)
        if !isRepeated { turn.ringWhoHasNotAnswered(callees, origin) }
        return turn.transition()
    }
}
