public import Primitives
import Storage

/// What the operator does from the command line.
extension AccountService {
    /// The longest lifetime of a token made by hand.
    public static let longestTokenLifetime = Instant.Span.seconds(366 * 86_400)

    /// Makes an account, by the same rules as `register`, without logging it in.
    /// - Throws: `invalid`, `usernameTaken`, `overloaded`, `unavailable`, `internal`.
    public func createUser(
        username: String, password: Redacted<String>, displayName: String = ""
    ) async throws(AccountError) -> Profile {
        let account = try NewAccount(username: username, displayName: displayName, password: password)
        let (profile, steps) = try await prepare(account, address: "")
        _ = try await commit(steps)
        return profile
    }

    /// The accounts by username.
    /// - Parameters:
    ///   - after: The last username of the previous page; empty for the first page.
    ///   - limit: 1 to 1000; values outside are clamped.
    /// - Throws: `unavailable`, `internal`.
    public func listUsers(after username: String = "", limit: Int = 100) async throws(AccountError) -> [UserInfo] {
        guard username.isEmpty || AccountRules.isUsername(username) else { return [] }
        let count = Int64(min(max(limit, 1), 1000))
        return try await read(.listUsers, [.text(username.lowercased()), .integer(count)]) {
            row throws(DatabaseError) in
            UserInfo(
                profile: try Profile(row: row), isSuspended: try row.boolean("is_blocked"),
                createdAt: try row.instant("created_at"))
        }
    }

    /// Suspends an account and ends all its sessions; repeating it changes nothing.
    /// - Throws: `notFound`, `unavailable`, `internal`.
    public func suspend(username: String) async throws(AccountError) {
        let account = try await known(username)
        let now = now()
        let results = try await commit([
            Step(.setUserBlocked, [.id(account.profile.id), .boolean(true), .instant(now)], expectedRows: 1),
            Step(.revokeSessionsOfUser, [.id(account.profile.id), .instant(now)]),
        ])
        do throws(DatabaseError) {
            try announce(results[1], of: account.profile.id, isLast: true)
        } catch {
            throw accountError(error, at: "revoke_sessions_of_user")
        }
    }

    /// Lifts a suspension; the user has to log in again. Repeating it changes nothing.
    /// - Throws: `notFound`, `unavailable`, `internal`.
    public func reinstate(username: String) async throws(AccountError) {
        let account = try await known(username)
        _ = try await commit([
            Step(.setUserBlocked, [.id(account.profile.id), .boolean(false), .instant(now())], expectedRows: 1)
        ])
    }

    /// Makes an access token with a session and a device of its own, which cannot be refreshed.
    /// - Parameter lifetime: 1 second to 366 days, in whole seconds.
    /// - Throws: `notFound`, `suspended`, `invalid(.lifetime)`, `unavailable`, `internal`.
    public func createToken(username: String, lifetime: Instant.Span) async throws(AccountError) -> IssuedToken {
        guard lifetime >= .seconds(1), lifetime <= Self.longestTokenLifetime else {
            throw AccountError(.invalid(.lifetime), "A token has a lifetime from 1 second to 366 days.")
        }
        let account = try await known(username)
        guard !account.isSuspended else { throw .suspended }
        let now = now()
        let session = SessionID.random(at: now)
        let device = DeviceID.random(at: now)
        let access = try await tokens.issue(
            user: account.profile.id, session: session, device: device, now: now, lifetime: lifetime)
        // Nobody ever holds the refresh token of this hash.
        try await store(
            session, of: account.profile, client: ClientInfo(device: device, deviceName: "Command line"),
            refreshTokenHash: tokens.refreshTokens.make(for: session).hash, expiresAt: access.expiresAt, after: [])
        return IssuedToken(
            profile: account.profile, session: session, device: device, accessToken: access.token,
            expiresAt: access.expiresAt)
    }

    private func known(_ username: String) async throws(AccountError) -> Account {
        guard AccountRules.isUsername(username), let account = try await account(named: username.lowercased()) else {
            throw .notFound("user")
        }
        return account
    }
}
