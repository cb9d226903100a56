import Logging
import Primitives

/// A thread's access to the server: a connection while there is one, and a way to get the next.
final class PostgreSQLLink {
    private(set) var connection: PostgreSQLConnection?

    private let target: PostgreSQLTarget
    private let role: PostgreSQLConnection.Role
    private let limits: PostgreSQLLimits
    private let metrics: DatabaseMetrics
    private let logger: Logger
    private var hadConnection = false
    private var backoff: Backoff
    /// There is no use in trying again before this moment.
    private var retryAt: ContinuousClock.Instant?
    private var failure = DatabaseError(.unavailable, "there was no connection yet")

    init(
        _ target: PostgreSQLTarget, _ role: PostgreSQLConnection.Role, _ limits: PostgreSQLLimits,
        _ metrics: DatabaseMetrics, _ logger: Logger
    ) {
        self.target = target
        self.role = role
        self.limits = limits
        self.metrics = metrics
        self.logger = logger
        backoff = Backoff(first: limits.firstPause, longest: limits.longestPause)
    }

    /// The connection, a new one if necessary; `unavailable` when none is available, without delay if that was just
    /// found out.
    func connect() throws(DatabaseError) -> PostgreSQLConnection {
        if let connection { return connection }
        if let retryAt, ContinuousClock.now < retryAt { throw failure }
        do throws(ConnectionLost) {
            let connection = try PostgreSQLConnection(target, role, limits)
            self.connection = connection
            if hadConnection {
                metrics.reconnects.add()
                logger.notice("database connection is back", metadata: ["database": "\(target)"])
            }
            hadConnection = true
            backoff.reset()
            retryAt = nil
            return connection
        } catch {
            failure = DatabaseError(.unavailable, error.message)
            let pause = backoff.pause()
            retryAt = .now + .milliseconds(pause)
            logger.warning(
                "database is unreachable",
                metadata: ["database": "\(target)", "error": "\(error.message)", "retry_after_ms": "\(pause)"])
            throw failure
        }
    }

    /// Drops a broken connection.
    func drop(_ loss: ConnectionLost) {
        connection = nil
        logger.warning(
            "database connection is lost", metadata: ["database": "\(target)", "error": "\(loss.message)"])
    }

    /// How long until it makes sense to try again, in milliseconds.
    var pause: Int {
        guard let retryAt else { return 0 }
        let left = ContinuousClock.now.duration(to: retryAt).components
        return Int(max(0, left.seconds * 1000 + left.attoseconds / 1_000_000_000_000_000 + 1))
    }
}
