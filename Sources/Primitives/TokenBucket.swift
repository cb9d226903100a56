/// Limits how often something may happen: a steady rate with room for a burst.
public struct TokenBucket: Sendable {
    /// Microseconds that earn one token.
    private let interval: Int64
    /// How much unspent time may be saved up, in microseconds.
    private let saving: Int64
    /// The moment at which the bucket would be exactly empty; the time from then to now is its content.
    private var emptyAt: Int64

    /// Makes a full bucket.
    /// - Parameters:
    ///   - count: How many are allowed in `span`, at least 1.
    ///   - span: The time in which `count` tokens are earned.
    ///   - burst: How many may come at once; `count` when nil.
    ///   - now: The current time.
    public init(_ count: Int, per span: Instant.Span, burst: Int? = nil, now: Instant) {
        interval = max(1, span.microseconds / Int64(max(1, count)))
        saving = interval * Int64(max(1, burst ?? count))
        emptyAt = now.microseconds - saving
    }

    /// Takes tokens, one by default; returns false and takes none when there are not enough.
    public mutating func take(_ count: Int = 1, now: Instant) -> Bool {
        let floor = now.microseconds - saving
        // A bucket that is empty in the future was filled before the clock went back. Nobody should be locked out for
        // that, whatever was in it.
        if emptyAt < floor || emptyAt > now.microseconds { emptyAt = floor }
        let (cost, overflow) = interval.multipliedReportingOverflow(by: Int64(max(0, count)))
        guard !overflow, now.microseconds - emptyAt >= cost else { return false }
        emptyAt += cost
        return true
    }

    /// Returns a token that was taken for nothing. A bucket never holds more than when it was full.
    public mutating func giveBack(now: Instant) {
        emptyAt = max(now.microseconds - saving, emptyAt - interval)
    }

    /// How long until `take` of as many succeeds again, if it can.
    public func wait(for count: Int = 1, now: Instant) -> Instant.Span {
        let (cost, overflow) = interval.multipliedReportingOverflow(by: Int64(max(0, count)))
        return Instant.Span(microseconds: max(0, emptyAt + (overflow ? saving : cost) - now.microseconds))
    }

    /// Whether the bucket is full again, so that an owner of many buckets may forget it.
    public func isFull(now: Instant) -> Bool {
        now.microseconds - emptyAt >= saving
    }
}
