import NIOConcurrencyHelpers

/// How many sockets each place has: each IPv4 address, each /64 of IPv6.
final class AddressCounts: Sendable {
    private let counts = NIOLockedValueBox<[String: Int]>([:])

    /// Counts one more; returns false and counts nothing when the place has reached its limit.
    func enter(_ place: String, limit: Int) -> Bool {
        counts.withLockedValue { counts in
            let count = counts[place] ?? 0
            guard count < limit else { return false }
            counts[place] = count + 1
            return true
        }
    }

    /// Counts one less.
    func leave(_ place: String) {
        counts.withLockedValue { counts in
            guard let count = counts[place] else { return }
            counts[place] = count > 1 ? count - 1 : nil
        }
    }
}
