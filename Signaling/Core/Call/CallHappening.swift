public import Primitives

/// Something that has happened in a call: what a transition is for those who write it down, tell it or count it.
///
/// Participants are named by their places in `Call.participants`, which they keep. What is there now stands in the call
/// after the transition; a happening has what is not to be found there any more.
public enum CallHappening: Sendable, Equatable {
    /// The call is placed. All that it consists of has happened with it.
    case placed
    /// The first callee has answered: the call is ongoing.
    case answered
    /// Somebody is rung.
    case rang(Int, RingBeginning)
    /// Somebody who must not hear of the call may from now on.
    case revealed(Int)
    /// A ring that was heard is over: when it would have been over by itself, and why it is now.
    case stoppedRinging(Int, until: Instant, RingStopReason)
    /// Somebody has come into the call.
    case joined(Int)
    /// Another device of a participant has taken the call over.
    case moved(Int, from: DeviceID)
    /// Somebody has turned the call away, or was busy.
    case declined(Int, Participant.LeaveReason)
    /// Somebody is out of the call, or rung no more, or may not come back; `wasIn` says whether they were in it.
    case left(Int, Participant.LeaveReason, wasIn: Bool)
    /// A participant may do more or less to the others.
    case roleChanged(Int)
    /// Somebody who might see the call may not any more.
    case shutOut(Int)
    /// Of a participant something has changed that only shows, and nothing else that others see.
    case shown(Int)
    /// Of a participant something has changed that is stored and that others don't see, and nothing else that is stored:
    /// how long they are rung, why they belong to the call.
    case amended(Int)
    /// A participant who is out of reach is waited for until another time.
    case awaited(Int)
    /// A screen is not shared any more.
    case shareEnded(UserID, at: Instant, Call.ShareEndReason)
    /// A screen is shared.
    case shareBegan(Call.ScreenShare)
    /// The direct call is a group call now.
    case grew
    /// Newcomers have to be admitted, or no longer.
    case lockChanged
    /// The call rings until another time.
    case ringProlonged
    /// Others ask to be let in than before.
    case lobbyChanged
    /// Those who ask to be let in are the same, by another device or with other media.
    case askedAgain
    /// The call is over.
    case ended(Call.EndReason)

    /// How a ring begins.
    public enum RingBeginning: Sendable, Equatable, CaseIterable {
        /// The others see it, and who is rung hears it.
        case heard
        /// The others see it; who is rung must not hear of it.
        case unheard
        /// The others have seen it before; from now on it is heard.
        case heardAtLast
    }
}

extension CallHappening {
    /// What has happened when a call is another than it was: the placing first, what concerns participants in the order of
    /// their places, the end last. Empty if, and only if, nothing is there that anybody might see.
    ///
    /// - Parameter closedShares: The screens that are shared no more, and why.
    static func between(
        _ old: Call, _ new: Call, closedShares: [(sharer: UserID, at: Instant, reason: Call.ShareEndReason)] = []
    ) -> [CallHappening] {
        var happenings: [CallHappening] = []
        if old.revision == 0 { happenings.append(.placed) }
        // Lists that nobody has touched are the same at a glance, however long they are.
        if old.participants != new.participants {
            for (place, after) in new.participants.enumerated() {
                let before = place < old.participants.count ? old.participants[place] : nil
                if before != after { note(before, after, at: place, in: new, &happenings) }
            }
        }
        if old.answeredAt == nil, new.answeredAt != nil { happenings.append(.answered) }
        for share in closedShares { happenings.append(.shareEnded(share.sharer, at: share.at, share.reason)) }
        for share in new.screenShares where !old.screenShares.contains(share) { happenings.append(.shareBegan(share)) }
        if old.mode != new.mode { happenings.append(.grew) }
        if old.isLocked != new.isLocked { happenings.append(.lockChanged) }
        if old.ringExpiresAt != new.ringExpiresAt { happenings.append(.ringProlonged) }
        if old.joinRequests != new.joinRequests {
            let isSame = old.joinRequests.elementsEqual(new.joinRequests) { $0.origin.user == $1.origin.user }
            happenings.append(isSame ? .askedAgain : .lobbyChanged)
        }
        if let reason = new.endReason, !old.isEnded { happenings.append(.ended(reason)) }
        return happenings
    }

    /// Adds what has happened to a participant who is new or another than before.
    private static func note(
        _ before: Participant?, _ after: Participant, at place: Int, in call: Call, _ happenings: inout [CallHappening]
    ) {
        let first = happenings.endIndex
        if before?.isHidden == true, !after.isHidden { happenings.append(.revealed(place)) }
        if let ring = before?.heardRing, after.heardRing == nil {
            happenings.append(.stoppedRinging(place, until: ring.until, RingStopReason(of: call, for: after)))
        }
        switch (before?.state, after.state) {
        case (.ringing(let old), .ringing(let new)):
            if before?.heardRing == nil, after.heardRing != nil { happenings.append(.rang(place, .heardAtLast)) }
            if old.isAlerted != new.isAlerted, before?.role == after.role { happenings.append(.shown(place)) }
        case (_, .ringing): happenings.append(.rang(place, after.isHidden ? .unheard : .heard))
        case (.connected(let old), .connected(let new)) where old.joinedAt == new.joinedAt:
            if old.device != new.device {
                happenings.append(.moved(place, from: old.device))
            } else if old.shows(differentlyFrom: new), before?.role == after.role {
                happenings.append(.shown(place))
            }
        case (_, .connected): happenings.append(.joined(place))
        case (let old, .declined(_, let reason)):
            if old != after.state { happenings.append(.declined(place, reason)) }
        case (let old, .left(_, _, let reason)):
            if old != after.state { happenings.append(.left(place, reason, wasIn: before?.isConnected == true)) }
        }
        guard let before else { return }
        if before.role != after.role { happenings.append(.roleChanged(place)) }
        if before.maySeeCall, !after.maySeeCall { happenings.append(.shutOut(place)) }
        if !happenings[first...].contains(where: \.isStored), before.isStored(differentlyFrom: after) {
            happenings.append(.amended(place))
        }
        if happenings.endIndex == first { happenings.append(.awaited(place)) }
    }

    /// The place of the participant to whom it has happened; nil when it concerns the call.
    var place: Int? {
        switch self {
        case .rang(let place, _), .revealed(let place), .stoppedRinging(let place, _, _), .joined(let place),
            .moved(let place, _), .declined(let place, _), .left(let place, _, _), .roleChanged(let place),
            .shutOut(let place), .shown(let place), .amended(let place), .awaited(let place):
            place
        case .placed, .answered, .shareEnded, .shareBegan, .grew, .lockChanged, .ringProlonged, .lobbyChanged,
            .askedAgain, .ended:
            nil
        }
    }

    /// Whether rows have other contents by it.
    var isStored: Bool {
        switch self {
        case .shown, .awaited, .lobbyChanged, .askedAgain: false
        case .placed, .answered, .rang, .revealed, .stoppedRinging, .joined, .moved, .declined, .left, .roleChanged,
            .shutOut, .amended, .shareEnded, .shareBegan, .grew, .lockChanged, .ringProlonged, .ended:
            true
        }
    }
}

extension CallTransition {
    /// Whether the call is placed by it.
    public var isPlacing: Bool { happenings.first == .placed }
}

extension Participant {
    /// The ring that the participant's devices hear.
    fileprivate var heardRing: Ringing? { isHidden ? nil : ringing }

    /// Whether its row has other contents, where no happening of its own says so.
    fileprivate func isStored(differentlyFrom other: Participant) -> Bool {
        rungAt != other.rungAt || isHidden != other.isHidden || standing != other.standing
            || ringing?.until != other.ringing?.until
    }
}

extension Participant.Connection {
    /// Whether the others see of the same device something else.
    fileprivate func shows(differentlyFrom other: Participant.Connection) -> Bool {
        media != other.media || isOnHold != other.isOnHold || handRaisedAt != other.handRaisedAt
            || isOutOfReach != other.isOutOfReach
    }

    /// Whether the device can't be reached, for whatever reason.
    public var isOutOfReach: Bool { reachability != .reachable }
}

extension RingStopReason {
    fileprivate init(of call: Call, for participant: Participant) {
        switch participant.state {
        case .connected: self = .answeredElsewhere
        case .declined: self = .declinedElsewhere
        case .left(_, _, .noAnswer): self = .noAnswer
        case .left(_, _, .removed), .left(_, _, .kicked): self = .removed
        case .ringing, .left:
            switch call.endReason {
            case .cancelled: self = .cancelled
            case .callerDisconnected: self = .callerDisconnected
            default: self = .callEnded
            }
        }
    }
}
