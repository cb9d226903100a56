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
    /// Where a call is another than at a revision, by what has happened since; nil when people see no difference.
    ///
    /// Whether somebody hears of the call, and until when they ring, nobody sees: who is named here has changed, and a name
    /// for nothing would tell that there was something to hide.
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

extension [Int] {
    /// Both, ascending, each once.
    fileprivate func merged(with other: [Int]) -> [Int] {
        if isEmpty { return other }
        if other.isEmpty { return self }
        return Set(self).union(other).sorted()
    }
}
