/// What has happened to the calls of a table, counted.
public struct CallTally: Sendable, Equatable {
    /// Calls that were placed.
    public var placed = 0
    /// Calls that were answered.
    public var answered = 0
    /// Calls that ended, each with its reason.
    public var ended: [Call.EndReason] = []
    /// Signals that were relayed or put into a mailbox.
    public var relayedSignals = 0
    /// Signals that were dropped because their call or generation was over.
    public var droppedSignals = 0
    /// How often a call rested.
    public var rests = 0
    /// Calls that were let go, because another node owns them.
    public var letGo = 0

    /// Nothing has happened.
    public init() {}

    /// Whether nothing has happened.
    public var isEmpty: Bool { self == CallTally() }

    mutating func note(_ transition: CallTransition) {
        for happening in transition.happenings {
            switch happening {
            case .placed: placed += 1
            case .answered: answered += 1
            case .ended(let reason): ended.append(reason)
            case .rang, .revealed, .stoppedRinging, .joined, .moved, .declined, .left, .roleChanged, .shutOut, .shown,
                .amended, .awaited, .shareEnded, .shareBegan, .grew, .lockChanged, .ringProlonged, .lobbyChanged,
                .askedAgain:
                break
            }
        }
        droppedSignals += transition.droppedSignals
    }
}
