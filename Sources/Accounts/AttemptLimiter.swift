public import Primitives

/// How often somebody may try to log in or register.
public struct AttemptLimits: Sendable, Equatable {
    /// Failed attempts with one username in `span`; a success forgives them.
    public var perUsername: Int
    /// Attempts from one address in `span`; a success counts, too.
    public var perAddress: Int
    /// The time in which they are counted.
    public var span: Instant.Span

    /// Sets limits.
    public init(perUsername: Int = 10, perAddress: Int = 100, span: Instant.Span = .seconds(300)) {
        self.perUsername = perUsername
        self.perAddress = perAddress
        self.span = span
    }
}

/// Counts attempts by a key, in a table that cannot outgrow its capacity.
public struct AttemptLimiter: Sendable {
    private let count: Int
    private let span: Instant.Span
    private let capacity: Int
    private var buckets: [String: TokenBucket] = [:]

    /// Makes a table without any key.
    /// - Parameters:
    ///   - count: How many attempts a key has in `span`, at least 1.
    ///   - span: The time in which they are counted.
    ///   - capacity: How many keys are remembered at most.
    public init(_ count: Int, per span: Instant.Span, capacity: Int = 10_000) {
        self.count = count
        self.span = span
        self.capacity = capacity
    }

    /// How many keys are remembered.
    var size: Int { buckets.count }

    /// Counts one attempt.
    /// - Returns: How long to wait when there were too many, else nil.
    public mutating func attempt(_ key: String, now: Instant) -> Instant.Span? {
        if buckets[key] == nil && buckets.count >= capacity { makeRoom(now: now) }
        var bucket = buckets[key] ?? TokenBucket(count, per: span, now: now)
        let isAllowed = bucket.take(now: now)
        buckets[key] = bucket
        return isAllowed ? nil : bucket.wait(now: now)
    }

    /// Takes back an attempt that led to nothing. It counts until then, so that simultaneous attempts stay within the
    /// limit.
    mutating func takeBack(_ key: String, now: Instant) {
        buckets[key]?.giveBack(now: now)
    }

    /// Forgets the attempts of a key.
    mutating func forgive(_ key: String) {
        buckets[key] = nil
    }

    /// Drops keys whose attempts have expired; when that is too little, also any quarter of the table, so that the next
    /// sweep is far away. An attacker who can fill the table from many addresses gains a few attempts.
    private mutating func makeRoom(now: Instant) {
        buckets = buckets.filter { !$0.value.isFull(now: now) }
        let surplus = buckets.count - capacity / 4 * 3
        guard surplus > 0 else { return }
        for key in Array(buckets.keys.prefix(surplus)) { buckets[key] = nil }
    }
}

extension AttemptLimiter {
    /// The part of an address that counts as one place: the first 64 bits of IPv6, which one household has for itself;
    /// else the whole text.
    public static func place(of address: String) -> String {
        let parts = address.prefix { $0 != "%" }.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count >= 3, !address.contains(".") else { return address }
        var groups: [Substring] = []
        for (index, part) in parts.enumerated() {
            if part.isEmpty && index > 0 && index < parts.count - 1 {
                groups += Array(repeating: "0", count: max(1, 9 - parts.count))
            } else {
                groups.append(part.isEmpty ? "0" : part)
            }
        }
        return groups.prefix(4).map { String(UInt16($0, radix: 16) ?? 0, radix: 16) }.joined(separator: ":") + "::/64"
    }
}
