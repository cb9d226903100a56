public import Primitives

/// How long to wait before something is sent again: twice as long each time, up to a maximum. The second half of each
/// wait is random, so that retries are spread out.
public struct Backoff: Sendable, Equatable {
    /// The wait after the first attempt.
    public var first: Instant.Span
    /// The longest wait.
    public var longest: Instant.Span

    /// Makes a schedule.
    public init(first: Instant.Span, longest: Instant.Span) {
        self.first = first
        self.longest = longest
    }

    /// The wait after so many attempts.
    /// - Parameters:
    ///   - attempts: At least 1.
    ///   - chance: A random number from 0 to 1.
    func wait(after attempts: Int, chance: Double) -> Instant.Span {
        // Beyond 2^40 every wait is the longest one.
        let doublings = min(max(attempts - 1, 0), 40)
        let doubled = first.microseconds.multipliedReportingOverflow(by: 1 << doublings)
        let whole = doubled.overflow ? longest.microseconds : min(doubled.partialValue, longest.microseconds)
        let half = whole / 2
        return Instant.Span(microseconds: half + Int64(Double(whole - half) * min(max(chance, 0), 1)))
    }
}
