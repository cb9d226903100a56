import Primitives

/// Which visible parts of a call have changed. Their new values are in the call itself.
///
/// A client that knows the call at `base`, or at any revision since, knows its present state once it gets the new
/// values of these parts: a part that changed twice is named like one that changed once.
public struct CallDifference: Sendable, Equatable {
    /// The revision from which on it includes every change.
    public let base: Int64
    /// Indices in `Call.participants` of those who are new, or whose changes go beyond what only shows; ascending.
    public private(set) var participants: [Int] = []
    /// Indices of those with only changes that only show; ascending.
    public private(set) var shown: [Int] = []
    /// Whether the phase, the mode, the lock or the end of ringing has changed.
    public private(set) var isStateChanged = false
    /// Whether the shared screens have changed.
    public private(set) var areScreenSharesChanged = false
    /// Whether the requests to be admitted have changed.
    public private(set) var areJoinRequestsChanged = false
}

extension CallDifference {
    /// What has changed in a call since a revision, given what has happened; nil when people see no difference.
    ///
    /// Whether somebody has been told of the call, and until when they ring, is not visible: a participant named here
    /// has changed, and naming somebody for nothing would show that there was something to hide.
    static func following(_ happenings: [CallHappening], since base: Int64) -> CallDifference? {
        guard !happenings.isEmpty else { return nil }
        var difference = CallDifference(base: base)
        for happening in happenings {
            switch happening {
            case .rang(let place, .heard), .rang(let place, .unheard), .joined(let place), .moved(let place, _),
                .declined(let place, _), .left(let place, _, _), .roleChanged(let place):
                if difference.participants.last != place { difference.participants.append(place) }
            case .shown(let place): difference.shown.append(place)
            case .answered, .ended, .grew, .lockChanged, .ringProlonged: difference.isStateChanged = true
            case .shareEnded, .shareBegan: difference.areScreenSharesChanged = true
            case .lobbyChanged: difference.areJoinRequestsChanged = true
            case .placed, .rang(_, .heardAtLast), .revealed, .stoppedRinging, .shutOut, .amended, .awaited, .askedAgain:
                break
            }
        }
        return difference
    }

    /// Combines this difference with the one that follows it.
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

extension [Int] {
    /// Both, ascending, each once.
    fileprivate func merged(with other: [Int]) -> [Int] {
        if isEmpty { return other }
        if other.isEmpty { return self }
        return Set(self).union(other).sorted()
    }
}
