public import Primitives

/// A call that is about to be placed. Ids come from outside: a core makes none.
public struct Invitation: Sendable, Equatable {
    /// The new call's id.
    public var call: CallID
    /// The conversation that it belongs to.
    public var conversation: ConversationID
    /// The device that calls.
    public var caller: CallOrigin
    /// Who is called.
    public var callee: UserID
    /// Whether the callee is in another call and is not to be disturbed.
    public var isCalleeBusy: Bool
    /// Voice or video.
    public var type: Call.MediaType
    /// What the caller sends.
    public var media: MediaState
    /// The caller's own name for the call.
    public var clientCallID: RequestID

    /// Makes an invitation.
    public init(
        call: CallID, conversation: ConversationID, caller: CallOrigin, callee: UserID, isCalleeBusy: Bool,
        type: Call.MediaType, media: MediaState, clientCallID: RequestID
    ) {
        self.call = call
        self.conversation = conversation
        self.caller = caller
        self.callee = callee
        self.isCalleeBusy = isCalleeBusy
        self.type = type
        self.media = media
        self.clientCallID = clientCallID
    }
}

extension Call {
    /// Places a direct call: the callee is rung on all devices, or the call is over at once when the callee is busy.
    public static func place(_ invitation: Invitation, timings: CallTimings, at now: Instant) -> CallTransition {
        let ringExpiresAt = now + timings.ring
        var call = Call(
            id: invitation.call, conversation: invitation.conversation, mode: .direct,
            initiator: invitation.caller.user, clientCallID: invitation.clientCallID, type: invitation.type,
            startedAt: now, ringExpiresAt: ringExpiresAt, timings: timings, phase: .initiated,
            participants: [
                Participant(
                    user: invitation.caller.user, isPolite: false,
                    state: .connected(
                        .init(joinedAt: now, device: invitation.caller.device, media: invitation.media))),
                Participant(
                    user: invitation.callee, isPolite: true, state: .ringing(.init(until: ringExpiresAt))),
            ])
        if invitation.isCalleeBusy {
            var turn = CallTurn(call, at: now)
            turn.set(invitation.callee, .declined(at: now, .busy))
            turn.endIfNobodyIsRung()
            call = turn.call
        }
        return CallTransition(
            call: call,
            changes: [.insertCall] + call.participants.map { .putParticipant($0) },
            deliveries: [
                CallDelivery(to: .user(invitation.callee), call.isEnded ? .updated : .incoming),
                CallDelivery(to: .others(invitation.caller.user, than: invitation.caller.device), .updated),
            ],
            refusal: nil,
            droppedSignals: 0)
    }
}
