public import Primitives

/// How much time of its event loop a call may use without a break, so that a busy one does not block the sockets and
/// other calls of the loop. A plain value that is told when the call's work began and ended.
public struct TurnBudget: Sendable, Equatable {
    /// After this much work a call rests.
    static let work = Instant.Span.milliseconds(5)
    /// How long it rests, while the loop does everything else. A call that is always busy gets half of a loop.
    public static let rest = Instant.Span.milliseconds(5)

    /// No input takes this long. A longer time means that a clock was set, or that the process was suspended.
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

    /// Whether others have had their turn; also true when the clock was set back.
    private func hasRested(by now: Instant) -> Bool {
        guard let lastWorked else { return true }
        return now < lastWorked || lastWorked + Self.rest <= now
    }
}
