import NIOConcurrencyHelpers

/// What lately prevented a database from writing. A full disk still accepts small writes now and then, so a success
/// does not end it: a while without such a failure does.
final class WriteTrouble: Sendable {
    /// How long a failure counts.
    static let memory = Duration.seconds(30)

    private let latest = NIOLockedValueBox<(error: DatabaseError, at: ContinuousClock.Instant)?>(nil)

    /// Notes a failure, if it is of that kind.
    func note(_ error: DatabaseError) {
        guard error.blocksWrites else { return }
        latest.withLockedValue { $0 = (error, .now) }
    }

    /// Throws the latest failure that still counts.
    func check() throws(DatabaseError) {
        guard let latest = latest.withLockedValue({ $0 }), latest.at.duration(to: .now) < Self.memory else { return }
        throw latest.error
    }
}
