import Primitives

/// Where a call is another than it was, to people's eyes. What is there now stands in the call itself.
///
/// Whoever knows the call as it was at `base`, or as it was at any revision since, knows it as it is once they are told
/// what stands at these places: a place that has changed twice is named as one that has changed once.
public struct CallDifference: Sendable, Equatable {
    /// The revision from which on every change is in it.
    public let base: Int64
    /// Places in `Call.participants` of those who are new, or of whom more has changed than what only shows; ascending.
    public private(set) var participants: [Int] = []
    /// Places of those of whom nothing else has changed than what only shows; ascending.
    public private(set) var shown: [Int] = []
    /// Whether the phase, the mode, the lock or the end of ringing has changed.
    public private(set) var isStateChanged = false
    /// Whether other screens are shared.
    public private(set) var areScreenSharesChanged = false
    /// Whether others ask to be let in.
    public private(set) var areJoinRequestsChanged = false
}

extension CallDifference {
    /// What a transition changes; nil when people see no difference. Participants keep their places, and new ones come at
    /// the end.
    static func between(_ old: Call, _ new: Call) -> CallDifference? {
        guard new.revision != old.revision else { return nil }
        var difference = CallDifference(base: old.revision)
        for (place, participant) in new.participants.enumerated() {
            let before = place < old.participants.count ? old.participants[place] : nil
            switch before?.visibleDifference(from: participant) ?? .whole {
            case .none: break
            case .shown: difference.shown.append(place)
            case .whole: difference.participants.append(place)
            }
        }
        difference.isStateChanged =
            old.phase != new.phase || old.mode != new.mode || old.isLocked != new.isLocked
            || old.ringExpiresAt != new.ringExpiresAt
        difference.areScreenSharesChanged = old.screenShares != new.screenShares
        difference.areJoinRequestsChanged = old.joinRequests.map(\.origin.user) != new.joinRequests.map(\.origin.user)
        return difference
    }

    /// This difference and the one that follows it, as one.
    func joined(by later: CallDifference) -> CallDifference {
        var joined = self
        joined.participants = participants.merged(with: later.participants)
        let whole = Set(joined.participants)
        joined.shown = shown.merged(with: later.shown).filter { !whole.contains($0) }
        joined.isStateChanged = isStateChanged || later.isStateChanged
        joined.areScreenSharesChanged = areScreenSharesChanged || later.areScreenSharesChanged
        joined.areJoinRequestsChanged = areJoinRequestsChanged || later.areJoinRequestsChanged
        return joined
    }
}

extension Participant {
    fileprivate enum VisibleDifference {
        case none
        /// Of what only shows.
        case shown
        case whole
    }

    /// What others see of a change. Whether somebody hears of the call, and until when they ring, nobody sees: who is
    /// named here has changed, and a name for nothing would tell that there was something to hide.
    fileprivate func visibleDifference(from other: Participant) -> VisibleDifference {
        guard role == other.role else { return .whole }
        return switch (state, other.state) {
        case (.ringing(let old), .ringing(let new)): old.isAlerted == new.isAlerted ? .none : .shown
        case (.connected(let old), .connected(let new)):
            if old.joinedAt != new.joinedAt || old.device != new.device {
                .whole
            } else if old.media != new.media || old.isOnHold != new.isOnHold || old.handRaisedAt != new.handRaisedAt
                || old.isOutOfReach != new.isOutOfReach
            {
                .shown
            } else {
                .none
            }
        case (.declined, .declined), (.left, .left): state == other.state ? .none : .whole
        case (.ringing, _), (.connected, _), (.declined, _), (.left, _): .whole
        }
    }
}

extension Participant.Connection {
    /// Whether the device can't be reached, for whatever reason.
    public var isOutOfReach: Bool { reachability != .reachable }
}

extension [Int] {
    /// Both, ascending, each once.
    fileprivate func merged(with other: [Int]) -> [Int] {
        if isEmpty { return other }
        if other.isEmpty { return self }
        return Set(self).union(other).sorted()
    }
}
