public import SignalingCore
public import Storage

/// Writes its own rows with a call's changes, in the same transaction: a line in the conversation, an entry of an
/// outbox. So there is never one without the other.
public protocol CallRecorder: Sendable {
    /// The statements to carry out with a change; none when it is not relevant. They must succeed whatever else the
    /// database contains: if they fail, the call can't continue.
    func steps(for change: RecordedChange) -> [Step]

    /// A change is on disk. Called in the order of the call's changes, before anybody else is told; must not block.
    ///
    /// - Parameter results: The results of the statements of `steps(for:)`; empty when they are not known, because the
    ///   connection broke during the commit.
    func recorded(_ change: RecordedChange, results: ArraySlice<StepResult>)
}

/// What recorders write with a change of a call.
struct Records {
    private let change: RecordedChange
    private let parts: [(recorder: any CallRecorder, steps: [Step])]

    init(of change: RecordedChange, by recorders: [any CallRecorder]) {
        self.change = change
        parts = recorders.map { ($0, $0.steps(for: change)) }
    }

    var steps: [Step] { parts.flatMap(\.steps) }

    /// Gives each recorder the results of its own steps; none when the outcome was looked up later.
    func recorded(_ results: ArraySlice<StepResult>) {
        var rest = results
        for (recorder, steps) in parts {
            recorder.recorded(change, results: rest.prefix(steps.count))
            rest = rest.dropFirst(steps.count)
        }
    }
}
