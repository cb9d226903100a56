public import Primitives

/// A call that is about to be placed. Ids come from outside: a core creates none.
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
    /// Places a call: the callees are rung on all their devices, or the call is over at once if all are busy.
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
}

extension CallTurn {
    /// Somebody sends an invite while this call is already open. A repeat of an invite, this call's own or a later one,
    /// changes nothing: the call may have been moved since.
    mutating func invite(_ invitation: Invitation) {
        switch invitation.mode {
        case .direct: inviteAgain(invitation)
        case .group: joinInstead(invitation)
        }
    }

    /// Answers the direct call if it came the other way (glare); if it is the inviter's own, moves it to this device.
    private mutating func inviteAgain(_ invitation: Invitation) {
        let (caller, name) = (invitation.caller, invitation.clientCallID)
        origin = caller
        if call.hasCarriedOut(name, of: caller.user) { return }
        switch call.participant(caller.user)?.state {
        case .ringing: connect(caller, invitation.media)
        case .connected(let connection) where connection.device != caller.device: move(to: caller, invitation.media)
        case .connected, .declined, .left: break
        case nil: refusal = .notFound
        }
        if refusal == nil { call.carriedOut.insert(name, of: caller.user) }
    }

    /// The member joins the group call, and rings those who are being rung and those who have not answered. Among them
    /// may be somebody who does not know of the call yet, because the person who rang them is not welcome.
    private mutating func joinInstead(_ invitation: Invitation) {
        let (caller, name) = (invitation.caller, invitation.clientCallID)
        let isRepeated = call.hasCarriedOut(name, of: caller.user)
        carryOut(.join(name, invitation.media, isMember: true), from: caller)
        if !isRepeated { ringWhoHasNotAnswered(invitation.callees, caller) }
    }
}
