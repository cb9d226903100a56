import Primitives

/// To whom users have written since the start. What follows from the first message, that the sender knows the recipient
/// and that the conversation has begun, is then noted only once. Starts over when there are too many: noting it again
/// changes nothing.
struct KnownAcquaintances: Sendable {
    /// Who has written where.
    struct Key: Sendable, Hashable {
        var sender: UserID
        var target: Draft.Target
    }

    private let limit: Int
    private var keys: Set<Key> = []

    /// - Parameter limit: How many are kept at most.
    init(limit: Int = 65_536) {
        self.limit = limit
    }

    /// Whether it is noted.
    func contains(_ key: Key) -> Bool { keys.contains(key) }

    /// It is on disk now.
    mutating func insert(_ key: Key) {
        if keys.count >= limit { keys.removeAll() }
        keys.insert(key)
    }
}
