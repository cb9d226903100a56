import NIOConcurrencyHelpers

/// Facts that are on disk for good, as far as this process knows: who knows whom, which conversation has begun for
/// whom. They are then written only once. Starts over when there are too many: writing one again changes nothing.
///
/// For all threads.
public final class NotedFacts<Fact: Hashable & Sendable>: Sendable {
    private let limit: Int
    private let facts = NIOLockedValueBox<Set<Fact>>([])

    /// - Parameter limit: How many are kept at most.
    public init(limit: Int = 65_536) {
        self.limit = limit
    }

    /// Those facts that have yet to be written.
    public func news(among candidates: [Fact]) -> [Fact] {
        guard !candidates.isEmpty else { return [] }
        return facts.withLockedValue { facts in candidates.filter { !facts.contains($0) } }
    }

    /// These facts are on disk now.
    public func note(_ written: [Fact]) {
        guard !written.isEmpty else { return }
        facts.withLockedValue { facts in
            for fact in written {
                if facts.count >= limit, !facts.contains(fact) { facts.removeAll() }
                facts.insert(fact)
            }
        }
    }
}
