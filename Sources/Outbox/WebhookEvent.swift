import Primitives
import SignalingCore
import SignalingService

/// Something that happened in a call, as webhooks report it.
struct WebhookEvent: Equatable {
    /// The kinds of events. The names are those on the wire.
    enum Kind: String, CaseIterable {
        /// The call was placed.
        case initiated = "call.initiated"
        /// People are rung who were not rung when the call was placed.
        case participantRung = "call.participant_rung"
        /// The first callee has answered: the call is ongoing.
        case answered = "call.answered"
        /// People came into the call.
        case participantJoined = "call.participant_joined"
        /// Somebody stopped showing a screen.
        case screenShareStopped = "call.screen_share_stopped"
        /// Somebody started showing a screen.
        case screenShareStarted = "call.screen_share_started"
        /// People declined the call.
        case participantDeclined = "call.participant_declined"
        /// People are out of the call, or no longer rung for it.
        case participantLeft = "call.participant_left"
        /// The call is over.
        case ended = "call.ended"
    }

    /// What happened.
    var kind: Kind
    /// The users concerned; none when it is about the call itself.
    var users: [UserID] = []
    /// The reason, if the call does not contain it.
    var reason: String?
}

extension WebhookEvent {
    /// The events of a change of a call, in order: the placing first, the end last.
    ///
    /// Derived from the happenings, so that every change is reported whichever input caused it. The same happening for
    /// several people is one event, so even a large call stays cheap when it ends.
    static func events(of transition: CallTransition) -> [WebhookEvent] {
        let people = transition.call.participants
        var (isAnswered, isEnded) = (false, false)
        var shares: [WebhookEvent] = []
        var joined: [UserID] = []
        var rung: [UserID] = []
        var declined: [UserID] = []
        var left: [UserID] = []
        for happening in transition.happenings {
            switch happening {
            case .answered: isAnswered = true
            // The people of a new call are reported with its placing.
            case .joined(let place): if !transition.isPlacing { joined.append(people[place].user) }
            case .rang(let place, .heard), .rang(let place, .unheard):
                if !transition.isPlacing { rung.append(people[place].user) }
            case .declined(let place, _): declined.append(people[place].user)
            case .left(let place, _, _): left.append(people[place].user)
            case .shareBegan(let share): shares.append(WebhookEvent(kind: .screenShareStarted, users: [share.sharer]))
            case .shareEnded(let sharer, at: _, let reason):
                shares.append(WebhookEvent(kind: .screenShareStopped, users: [sharer], reason: reason.rawValue))
            case .ended: isEnded = true
            case .placed, .rang(_, .heardAtLast), .revealed, .stoppedRinging, .moved, .roleChanged, .shutOut, .shown,
                .amended, .awaited, .grew, .lockChanged, .ringProlonged, .lobbyChanged, .askedAgain:
                break
            }
        }
        var events: [WebhookEvent] = []
        if transition.isPlacing { events.append(WebhookEvent(kind: .initiated)) }
        if !rung.isEmpty { events.append(WebhookEvent(kind: .participantRung, users: rung)) }
        if isAnswered { events.append(WebhookEvent(kind: .answered)) }
        if !joined.isEmpty { events.append(WebhookEvent(kind: .participantJoined, users: joined)) }
        events += shares
        if !declined.isEmpty { events.append(WebhookEvent(kind: .participantDeclined, users: declined)) }
        if !left.isEmpty { events.append(WebhookEvent(kind: .participantLeft, users: left)) }
        if isEnded { events.append(WebhookEvent(kind: .ended)) }
        return events
    }
}
