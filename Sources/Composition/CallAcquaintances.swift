import Primitives
public import SignalingCore
public import SignalingService
public import Storage

/// Notes that people know each other who have called each other: the caller whom they call, and whoever answers the
/// caller.
public struct CallAcquaintances: CallRecorder {
    /// Makes the recorder.
    public init() {}

    /// What a direct call that is placed or answered by the change says; nothing for any other.
    public func steps(for change: RecordedChange) -> [Step] {
        let call = change.transition.call
        guard call.mode == .direct else { return [] }
        let callees = call.participants.map(\.user).filter { $0 != call.initiator }
        guard change.old != nil else {
            return callees.map { Self.note(that: call.initiator, knows: $0, at: change.at) }
        }
        guard change.old?.answeredAt == nil, call.answeredAt != nil else { return [] }
        return callees.map { Self.note(that: $0, knows: call.initiator, at: change.at) }
    }

    /// Nobody is told.
    public func recorded(_ change: RecordedChange, results: ArraySlice<StepResult>) {}

    private static func note(that user: UserID, knows other: UserID, at now: Instant) -> Step {
        Step(.noteAcquaintance, [.id(user), .id(other), .instant(now)])
    }
}
