/// What has happened to the calls of a table, counted.
public struct CallTally: Sendable, Equatable {
    /// Calls that were placed.
    public var placed = 0
    /// Calls that were answered.
    public var answered = 0
    /// Calls that ended, each with its reason.
    public var ended: [Call.EndReason] = []
    /// Signals that were passed on or put into a mailbox.
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

    mutating func note(from old: Call?, _ transition: CallTransition) {
        let new = transition.call
        if old == nil { placed += 1 }
        if old?.answeredAt == nil, new.answeredAt != nil { answered += 1 }
        if old?.isEnded != true, let reason = new.endReason { ended.append(reason) }
        droppedSignals += transition.droppedSignals
    }
}
