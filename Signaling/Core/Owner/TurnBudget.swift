public import Primitives

/// How much time of its event loop a call may take at a stretch, so that a busy one keeps no socket and no other call of
/// the loop waiting. A plain value that is told when the call's work began and ended.
public struct TurnBudget: Sendable, Equatable {
    /// After so much work a call rests.
    static let work = Instant.Span.milliseconds(5)
    /// For so long: meanwhile the loop looks after everything else. A call that is never done has half of a loop.
    public static let rest = Instant.Span.milliseconds(5)

    /// No input takes a call so long. What seems to is a clock that was set, or a process that stood still.
    static let longestStretch = Instant.Span.seconds(1)

    /// How long the call has worked since it last rested.
    private var worked = Instant.Span.milliseconds(0)
    private var lastWorked: Instant?

    /// The call has worked for a while.
    mutating func note(from began: Instant, to ended: Instant) {
        if hasRested(by: began) { worked = .milliseconds(0) }
        let stretch = ended - began
        if stretch > .milliseconds(0), stretch <= Self.longestStretch {
            worked = .init(microseconds: worked.microseconds + stretch.microseconds)
        }
        lastWorked = ended
    }

    /// Whether the call has to rest before it goes on.
    func mustRest(at now: Instant) -> Bool { worked >= Self.work && !hasRested(by: now) }

    /// Whether others have had their turn; so it is, too, when the clock was set back.
    private func hasRested(by now: Instant) -> Bool {
        guard let lastWorked else { return true }
        return now < lastWorked || lastWorked + Self.rest <= now
    }
}
