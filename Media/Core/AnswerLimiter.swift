public import Primitives

/// Limits answers to sources that may not have asked, since a datagram's source can be forged.
///
/// There is one token bucket for all answers and a table of buckets for source prefixes: /24 in IPv4, /56 in IPv6, the
/// usual size of one network. A prefix finds its bucket by a keyed hash, so the table never grows and never has to
/// forget; occasionally two prefixes share a bucket.
public struct AnswerLimiter: Sendable {
    /// How many answers there may be.
    public struct Limits: Hashable, Sendable {
        /// Answers a second to one source prefix, at least 1.
        public var perPrefix: Int
        /// How many of them may be sent at once, at least 1.
        public var burst: Int
        /// Answers a second in all, at least 1.
        public var total: Int

        /// Sets limits. The defaults let a hundred clients of one network start their calls in the same instant, and
        /// make less than 2 MB/s in all.
        public init(perPrefix: Int = 100, burst: Int = 400, total: Int = 20_000) {
            self.perPrefix = perPrefix
            self.burst = burst
            self.total = total
        }
    }

    /// Buckets in the table: a power of two, 100 kB in all.
    private static let tableSize = 4096

    private var table: [TokenBucket]
    private var all: TokenBucket
    private let key: UInt64

    /// Makes a limiter with full buckets.
    /// - Parameters:
    ///   - limits: How many answers there may be.
    ///   - key: A random number that outsiders don't know, so that nobody can choose to share another's bucket.
    ///   - now: The current time, on a clock that does not jump.
    public init(_ limits: Limits, key: UInt64, now: Instant) {
        let second = Instant.Span.seconds(1)
        table = Array(
            repeating: TokenBucket(limits.perPrefix, per: second, burst: limits.burst, now: now),
            count: Self.tableSize
        )
        all = TokenBucket(limits.total, per: second, now: now)
        self.key = key
    }

    /// Takes one answer's worth from the source's bucket and from the common one; false when it must not be sent.
    public mutating func admit(_ source: IPAddress, now: Instant) -> Bool {
        // The source's first: a source over its own limit must not use up the common bucket.
        table[slot(of: source)].take(now: now) && all.take(now: now)
    }

    private func slot(of source: IPAddress) -> Int {
        let prefix: UInt64 =
            switch source {
            case .v4(let number): UInt64(number >> 8)
            case .v6(let high, low: _): high | 0xFF
            }
        // The finisher of MurmurHash3, with the key before and in the middle.
        var hash = prefix ^ key
        hash = (hash ^ hash >> 33) &* 0xFF51_AFD7_ED55_8CCD
        hash = (hash ^ hash >> 33 ^ key) &* 0xC4CE_B9FE_1A85_EC53
        return Int(truncatingIfNeeded: hash >> 33) & (Self.tableSize - 1)
    }
}
