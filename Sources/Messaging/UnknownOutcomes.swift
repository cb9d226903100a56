import Primitives

/// Messages for which it is unknown whether they were stored, and which were not delivered. Forgets the oldest when
/// there are too many: their recipients find them when they read the conversation.
struct UnknownOutcomes: Sendable {
    /// The sender's own name for a message.
    struct Key: Sendable, Hashable {
        var sender: UserID
        var clientMessageID: RequestID
    }

    private let limit: Int
    /// With each message's place in the order of arrival.
    private var places: [Key: UInt64] = [:]
    private var nextPlace: UInt64 = 0

    /// - Parameter limit: How many are kept at most.
    init(limit: Int = 1024) {
        self.limit = limit
    }

    /// Remembers a message.
    mutating func insert(_ key: Key) {
        places[key] = nextPlace
        nextPlace += 1
        guard places.count > limit, let oldest = places.min(by: { $0.value < $1.value })?.key else { return }
        places[oldest] = nil
    }

    /// Forgets a message.
    /// - Returns: Whether it was there.
    mutating func remove(_ key: Key) -> Bool {
        places.removeValue(forKey: key) != nil
    }
}
