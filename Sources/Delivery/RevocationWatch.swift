import Accounts
import Primitives
import ServiceLifecycle

/// Checks every second which sessions were revoked elsewhere: by another server or the command line. Their sockets are
/// closed, and their users leave their calls, as if this server had revoked them.
///
/// The place of a revocation among all others is counted in the database, so no clock matters. Revocations that were
/// missed while the database was unreachable are found by the next check.
struct RevocationWatch: Service {
    /// How long a revocation by another server may go unnoticed.
    static let interval = Duration.seconds(1)
    /// How many are read at once. Two servers that revoke at the same moment may do so out of order, but never by
    /// nearly so many.
    static let pageLimit = 64

    let registry: SessionRegistry
    let accounts: AccountService

    func run() async throws {
        try? await cancelWhenGracefulShutdown {
            var known: Set<SessionID>?
            while true {
                known = await look(knowing: known)
                try await Task.sleep(for: Self.interval)
            }
        }
    }

    /// Checks once.
    /// - Parameter known: The result of the previous check; nil for the first one.
    /// - Returns: The latest revocations, for the next check.
    func look(knowing known: Set<SessionID>?) async -> Set<SessionID>? {
        var latest: Set<SessionID>?
        var found: [Revocation] = []
        do throws(AccountError) {
            while true {
                let page = try await accounts.latestRevocations(before: found.last, limit: Self.pageLimit)
                latest = latest ?? Set(page.map(\.session))
                let new = page.filter { known?.contains($0.session) != true }
                found += new
                guard known != nil, new.count == Self.pageLimit else { break }
            }
        } catch {
            // The account service has logged it. Nothing is lost: the next check finds it.
            return known
        }
        for revocation in found.reversed() {
            registry.sessionsRevoked([revocation.session], of: revocation.user)
            guard revocation.isDeviceLoggedOut else { continue }
            registry.loggedOut(
                revocation.user, devices: [revocation.device], isLast: revocation.isUserLoggedOut)
        }
        return latest
    }
}
