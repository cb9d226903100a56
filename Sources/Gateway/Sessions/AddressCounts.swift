import NIOConcurrencyHelpers

/// How many sockets each address has.
final class AddressCounts: Sendable {
    private let counts = NIOLockedValueBox<[String: Int]>([:])

    /// Counts one more; false when the address has as many as it may have, and then nothing is counted.
    func enter(_ address: String, limit: Int) -> Bool {
        counts.withLockedValue { counts in
            let count = counts[address] ?? 0
            guard count < limit else { return false }
            counts[address] = count + 1
            return true
        }
    }

    /// Counts one less.
    func leave(_ address: String) {
        counts.withLockedValue { counts in
            guard let count = counts[address] else { return }
            counts[address] = count > 1 ? count - 1 : nil
        }
    }
}
