import Accounts
import Logging
import Primitives
import ServiceLifecycle

/// Regularly checks whether the sessions of open sockets are still valid, and closes the sockets of those that are not.
///
/// A session that is revoked closes its sockets at once, or as soon as `RevocationWatch` sees it. This is for sessions
/// that expire.
struct SessionAudit: Service {
    /// How long a socket may outlive its session.
    static let interval = Duration.seconds(60)

    let registry: SessionRegistry
    let accounts: AccountService
    let logger: Logger

    func run() async throws {
        try? await cancelWhenGracefulShutdown {
            while true {
                try await Task.sleep(for: Self.interval)
                await look()
            }
        }
    }

    /// Checks every session once.
    func look() async {
        for (user, sessions) in registry.sessions {
            do throws(AccountError) {
                let ended = try await accounts.endedSessions(among: sessions)
                if !ended.isEmpty { registry.sessionsRevoked(Array(ended), of: user) }
            } catch {
                // Nobody is disconnected because the database is unreachable.
                return logger.warning("sessions could not be checked", metadata: ["error": "\(error)"])
            }
        }
    }
}
