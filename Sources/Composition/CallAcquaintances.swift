import Primitives
public import SignalingCore
public import SignalingService
public import Storage

/// Notes that users who have called each other know each other: the caller the one they call, and the one who answers
/// the caller.
public struct CallAcquaintances: CallRecorder {
    private struct Acquaintance: Hashable {
        var user: UserID
        var known: UserID
    }

    private let noted = NotedFacts<Acquaintance>()

    /// Makes the recorder.
    public init() {}

    /// What a direct call that is placed or answered by the change adds; nothing for other calls, and for those who
    /// are known to know each other.
    public func steps(for change: RecordedChange) -> [Step] {
        noted.news(among: Self.facts(of: change)).map { fact in
            Step(.noteAcquaintance, [.id(fact.user), .id(fact.known), .instant(change.at)])
        }
    }

    /// They need not be noted again. Nobody is told.
    public func recorded(_ change: RecordedChange, results: ArraySlice<StepResult>) {
        noted.note(Self.facts(of: change))
    }

    private static func facts(of change: RecordedChange) -> [Acquaintance] {
        let (call, happenings) = (change.transition.call, change.transition.happenings)
        guard call.mode == .direct else { return [] }
        let isPlaced = happenings.contains(.placed)
        guard isPlaced || happenings.contains(.answered) else { return [] }
        return call.participants.lazy.map(\.user).filter { $0 != call.initiator }.map { callee in
            isPlaced
                ? Acquaintance(user: call.initiator, known: callee)
                : Acquaintance(user: callee, known: call.initiator)
        }
    }
}
