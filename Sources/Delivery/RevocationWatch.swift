import Accounts
import Primitives
import ServiceLifecycle

/// Looks every second which sessions have been revoked by others: by another server or by the command line. Their sockets
/// are closed, and their users leave their calls, as if this server had revoked them.
///
/// The place of a revocation among all others is counted in the database, so no clock matters. What was missed while the
/// database was away is found by the next look.
struct RevocationWatch: Service {
    /// How long a revocation by another server may go unnoticed.
    static let interval = Duration.seconds(1)
    /// How many are read at once. Two servers that revoke at the same moment may do so out of order, far less than by so
    /// many.
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

    /// Looks once.
    /// - Parameter known: What the look before has returned; nil at the first one.
    /// - Returns: The latest revocations, for the next look.
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
            // The account service has logged it. Nothing is lost: the next look finds it.
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
