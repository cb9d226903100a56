import Primitives

/// When each piece of an open-loop load is meant to start, however long the pieces before it take.
///
/// Latency is measured from these times. So a server that stalls shows in every piece that should have started during
/// the stall, and not just in the one that was in flight (coordinated omission).
struct Schedule: Sendable, Equatable {
    /// When the first piece starts.
    let start: Instant
    /// Pieces a second; above 0.
    let rate: Double
    /// How many pieces there are.
    let count: Int
    /// How many were taken.
    private(set) var taken = 0

    /// Makes a schedule of as many pieces as fit into a time, at least one.
    init(start: Instant, rate: Double, seconds: Int) {
        self.start = start
        self.rate = rate
        count = max(1, Int((rate * Double(seconds)).rounded(.down)))
    }

    /// When a piece is meant to start.
    /// - Parameter index: From 0.
    func intended(_ index: Int) -> Instant {
        start + Instant.Span(microseconds: Int64((Double(index) * 1_000_000 / rate).rounded()))
    }

    /// When the next piece is meant to start; nil when all were taken.
    var next: Instant? { taken < count ? intended(taken) : nil }

    /// When the last piece is meant to start.
    var end: Instant { intended(count - 1) }

    /// Takes the next piece if it is due, and returns when it was meant to start.
    mutating func takeDue(now: Instant) -> Instant? {
        guard let next, next <= now else { return nil }
        taken += 1
        return next
    }

    /// Takes all remaining pieces, and returns how many there were.
    mutating func takeRest() -> Int {
        defer { taken = count }
        return count - taken
    }
}
