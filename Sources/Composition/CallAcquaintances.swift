import Primitives
public import SignalingCore
public import SignalingService
public import Storage

/// Notes that users who have called each other know each other: the caller the one they call, and the one who answers
/// the caller.
public struct CallAcquaintances: CallRecorder {
    /// Makes the recorder.
    public init() {}

    /// What a direct call that is placed or answered by the change adds; nothing for other calls.
    public func steps(for change: RecordedChange) -> [Step] {
        let (call, happenings) = (change.transition.call, change.transition.happenings)
        guard call.mode == .direct else { return [] }
        let isPlaced = happenings.contains(.placed)
        guard isPlaced || happenings.contains(.answered) else { return [] }
        let callees = call.participants.map(\.user).filter { $0 != call.initiator }
        return callees.map { callee in
            isPlaced
                ? Self.note(that: call.initiator, knows: callee, at: change.at)
                : Self.note(that: callee, knows: call.initiator, at: change.at)
        }
    }

    /// Nobody is told.
    public func recorded(_ change: RecordedChange, results: ArraySlice<StepResult>) {}

    private static func note(that user: UserID, knows other: UserID, at now: Instant) -> Step {
        Step(.noteAcquaintance, [.id(user), .id(other), .instant(now)])
    }
}
