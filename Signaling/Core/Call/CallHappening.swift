public import Primitives

/// Something that has happened in a call: what storage, events and metrics need of a transition.
///
/// Participants are named by their indices in `Call.participants`, which do not change. Present values are in the call
/// after the transition; a happening carries only what is no longer there.
public enum CallHappening: Sendable, Equatable {
    /// The call is placed. This includes everything in it.
    case placed
    /// The first callee has answered: the call is ongoing.
    case answered
    /// Somebody is rung.
    case rang(Int, RingBeginning)
    /// Somebody who must not know of the call may know of it from now on.
    case revealed(Int)
    /// An audible ring is over: when it would have ended by itself, and why it has ended.
    case stoppedRinging(Int, until: Instant, RingStopReason)
    /// Somebody has entered the call.
    case joined(Int)
    /// Another device of a participant has taken the call over.
    case moved(Int, from: DeviceID)
    /// Somebody has declined the call, or was busy.
    case declined(Int, Participant.LeaveReason)
    /// Somebody is out of the call, or no longer rung, or may not come back; `wasIn` says whether they were in it.
    case left(Int, Participant.LeaveReason, wasIn: Bool)
    /// A participant's role has changed.
    case roleChanged(Int)
    /// Somebody who could see the call no longer may.
    case shutOut(Int)
    /// For a participant, something that only shows has changed, and nothing else that others see.
    case shown(Int)
    /// For a participant, something that is stored but that others don't see has changed, and nothing else that is
    /// stored: how long they are rung, why they belong to the call.
    case amended(Int)
    /// A disconnected participant is given a different time to come back.
    case awaited(Int)
    /// A screen is no longer shared.
    case shareEnded(UserID, at: Instant, Call.ShareEndReason)
    /// A screen is shared.
    case shareBegan(Call.ScreenShare)
    /// The direct call is a group call now.
    case grew
    /// Newcomers have to be admitted, or no longer.
    case lockChanged
    /// The call rings until another time.
    case ringProlonged
    /// The list of those who ask to be admitted has changed.
    case lobbyChanged
    /// The same users ask to be admitted, by another device or with other media.
    case askedAgain
    /// The call is over.
    case ended(Call.EndReason)

    /// How a ring begins.
    public enum RingBeginning: Sendable, Equatable, CaseIterable {
        /// The others see it, and the user who is rung hears it.
        case heard
        /// The others see it; the user who is rung must not know of it.
        case unheard
        /// The others have seen it before; from now on the user hears it.
        case heardAtLast
    }
}

extension CallHappening {
    /// What has happened between two states of a call: first the placing, then what concerns participants in the order
    /// of their indices, the end last. Empty if, and only if, there is no difference that anybody could see.
    ///
    /// - Parameter closedShares: The screens that are no longer shared, and why.
    static func between(
        _ old: Call, _ new: Call, closedShares: [(sharer: UserID, at: Instant, reason: Call.ShareEndReason)] = []
    ) -> [CallHappening] {
        var happenings: [CallHappening] = []
        if old.revision == 0 { happenings.append(.placed) }
        // Comparing untouched lists is immediate, however long they are.
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

    /// Adds what has happened to a participant who is new or changed.
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

    /// The index of the participant whom it concerns; nil when it concerns the call.
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

    /// Whether it changes the contents of rows.
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
    /// Whether it places the call.
    public var isPlacing: Bool { happenings.first == .placed }
}

extension Participant {
    /// The ring that the participant's devices hear.
    fileprivate var heardRing: Ringing? { isHidden ? nil : ringing }

    /// Whether its row has changed in a way that has no happening of its own.
    fileprivate func isStored(differentlyFrom other: Participant) -> Bool {
        rungAt != other.rungAt || isHidden != other.isHidden || standing != other.standing
            || ringing?.until != other.ringing?.until
    }
}

extension Participant.Connection {
    /// Whether the others see a change while the device is the same.
    fileprivate func shows(differentlyFrom other: Participant.Connection) -> Bool {
        media != other.media || isOnHold != other.isOnHold || handRaisedAt != other.handRaisedAt
            || isUnreachable != other.isUnreachable
    }

    /// Whether the device can't be reached, for any reason.
    public var isUnreachable: Bool { reachability != .reachable }
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
