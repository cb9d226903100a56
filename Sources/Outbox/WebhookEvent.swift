import Primitives
import SignalingCore
import SignalingService

/// Something that happened in a call, as webhooks tell it.
struct WebhookEvent: Equatable {
    /// What can happen. The names are those on the wire.
    enum Kind: String, CaseIterable {
        /// The call was placed.
        case initiated = "call.initiated"
        /// People are rung who were not when the call was placed.
        case participantRung = "call.participant_rung"
        /// The first callee has answered: the call is ongoing.
        case answered = "call.answered"
        /// People came into the call.
        case participantJoined = "call.participant_joined"
        /// Somebody no longer shows a screen.
        case screenShareStopped = "call.screen_share_stopped"
        /// Somebody shows a screen.
        case screenShareStarted = "call.screen_share_started"
        /// People turned the call away.
        case participantDeclined = "call.participant_declined"
        /// People are out of the call, or no longer rung for it.
        case participantLeft = "call.participant_left"
        /// The call is over.
        case ended = "call.ended"
    }

    /// What happened.
    var kind: Kind
    /// Whom it happened to; nobody in particular when the call itself is meant.
    var users: [UserID] = []
    /// Why, where the call does not say it.
    var reason: String?
}

extension WebhookEvent {
    /// What a change of a call tells, in the order in which it is told: the placing first, the end last.
    ///
    /// Read off the two states, so that every change is told whichever input made it. What happens to several people at
    /// once is one event, so a large call stays cheap when it ends.
    static func events(from old: Call?, by transition: CallTransition) -> [WebhookEvent] {
        let new = transition.call
        var joined: [UserID] = []
        var rung: [UserID] = []
        var declined: [UserID] = []
        var left: [UserID] = []
        for participant in new.participants {
            let before = old?.participant(participant.user)?.state
            switch (before, participant.state) {
            case (.connected?, .connected), (.ringing?, .ringing): break
            // Those whom a new call is between are told with it.
            case (_, .connected): if old != nil { joined.append(participant.user) }
            case (_, .ringing): if old != nil { rung.append(participant.user) }
            case (_, .declined): if before != participant.state { declined.append(participant.user) }
            case (_, .left): if before != participant.state { left.append(participant.user) }
            }
        }
        var events: [WebhookEvent] = []
        if old == nil { events.append(WebhookEvent(kind: .initiated)) }
        if !rung.isEmpty { events.append(WebhookEvent(kind: .participantRung, users: rung)) }
        if old?.answeredAt == nil, new.answeredAt != nil { events.append(WebhookEvent(kind: .answered)) }
        if !joined.isEmpty { events.append(WebhookEvent(kind: .participantJoined, users: joined)) }
        events += screenShares(transition.changes)
        if !declined.isEmpty { events.append(WebhookEvent(kind: .participantDeclined, users: declined)) }
        if !left.isEmpty { events.append(WebhookEvent(kind: .participantLeft, users: left)) }
        if new.isEnded, old?.isEnded != true { events.append(WebhookEvent(kind: .ended)) }
        return events
    }

    private static func screenShares(_ changes: [CallChange]) -> [WebhookEvent] {
        changes.compactMap { change in
            switch change {
            case .openShare(let share): WebhookEvent(kind: .screenShareStarted, users: [share.sharer])
            case .closeShare(let sharer, at: _, let reason):
                WebhookEvent(kind: .screenShareStopped, users: [sharer], reason: reason.rawValue)
            case .insertCall, .updateCall, .putParticipant: nil
            }
        }
    }
}
