public import Logging
import NIOConcurrencyHelpers
public import Primitives
public import Storage

/// Everything that concerns who somebody is: accounts, sessions, tokens, and finding people.
///
/// Nothing is cached. Once a session is revoked or a user suspended, by any server or the command line, the next
/// request is refused.
public final class AccountService: Sendable {
    /// How long a session lives without a refresh.
    public static let usualSessionLifetime = Instant.Span.seconds(30 * 86_400)
    /// How many live sessions a user may have.
    static let sessionLimit = 50
    /// How long a session is kept after it has ended.
    static let endedSessionSpan = Instant.Span.seconds(30 * 86_400)

    /// How many contact requests a user may send in an hour.
    static let contactRequestsPerHour = 60
    /// How often per minute a user may answer requests, block, unblock, change settings, open conversations or change
    /// their members.
    static let changesPerMinute = 120
    /// How many contacts and requests a user may have requested.
    static let contactLimit = 1000
    /// How many users one may block.
    static let blockLimit = 1000
    /// The longest page of contacts or blocks.
    static let pageLimit = 100

    let database: any Database
    let tokens: AccessTokens
    let passwords: PasswordHasher
    let now: @Sendable () -> Instant
    let revocations: any SessionRevocations
    let logger: Logger
    let sessionLifetime: Instant.Span
    let attempts: NIOLockedValueBox<Attempts>
    let quotas: DailyQuotas

    struct Attempts {
        var byUsername: AttemptLimiter
        var byAddress: AttemptLimiter
        /// By user: requests that other people will see.
        var contactRequests: AttemptLimiter
        /// By user: everything else that writes.
        var changes: AttemptLimiter
    }

    /// Makes the service.
    /// - Parameters:
    ///   - database: Where accounts are kept; migrated.
    ///   - tokens: Makes and checks access tokens.
    ///   - passwords: Hashes and checks passwords.
    ///   - limits: How often somebody may try to log in or register.
    ///   - quotas: How much one user may have stored in a day.
    ///   - sessionLifetime: How long a session lives without a refresh.
    ///   - now: The clock.
    ///   - revocations: Told of sessions that end early.
    ///   - logger: Logs errors.
    public init(
        database: any Database, tokens: AccessTokens, passwords: PasswordHasher,
        limits: AttemptLimits = AttemptLimits(), quotas: QuotaLimits = QuotaLimits(),
        sessionLifetime: Instant.Span = AccountService.usualSessionLifetime, now: @escaping @Sendable () -> Instant,
        revocations: any SessionRevocations, logger: Logger
    ) {
        self.database = database
        self.tokens = tokens
        self.passwords = passwords
        self.sessionLifetime = sessionLifetime
        self.now = now
        self.revocations = revocations
        self.logger = logger
        self.quotas = DailyQuotas(database: database, limits: quotas, now: now)
        attempts = NIOLockedValueBox(
            Attempts(
                byUsername: AttemptLimiter(limits.perUsername, per: limits.span),
                byAddress: AttemptLimiter(limits.perAddress, per: limits.span),
                contactRequests: AttemptLimiter(Self.contactRequestsPerHour, per: .seconds(3600)),
                changes: AttemptLimiter(Self.changesPerMinute, per: .seconds(60))))
    }

    /// Makes an account and logs it in.
    /// - Parameters:
    ///   - username: 3 to 50 of a-z, 0-9, '.', '_' and '-', beginning with a letter or digit; kept as typed, unique
    ///     ignoring case.
    ///   - password: 8 to 72 bytes, counted as it is hashed: in Normalization Form C.
    ///   - displayName: At most 100 characters, with something visible and nothing hidden, and not the same as somebody
    ///     else's except for invisible characters; the username when empty.
    /// - Throws: `invalid`, `usernameTaken`, `rateLimited`, `overloaded`, `unavailable`, `internal`.
    public func register(
        username: String, password: Redacted<String>, displayName: String, client: ClientInfo
    ) async throws(AccountError) -> Credentials {
        let account = try NewAccount(username: username, displayName: displayName, password: password)
        let client = try client.checked()
        try countAttempt(username: nil, address: client.ipAddress)
        let (profile, steps) = try await prepare(account, address: client.ipAddress)
        return try await openSession(of: profile, client: client, after: steps)
    }

    /// Opens a session for a device; an older one of the same device ends.
    ///
    /// An unknown username and a wrong password give the same error after the same work. Only a caller with the right
    /// password learns that the account is suspended.
    /// - Throws: `badCredentials`, `suspended`, `invalid(.deviceName)`, `rateLimited`, `overloaded`, `unavailable`,
    ///   `internal`.
    public func logIn(
        username: String, password: Redacted<String>, client: ClientInfo
    ) async throws(AccountError) -> Credentials {
        let client = try client.checked()
        let name = AccountRules.isUsername(username) ? username.lowercased() : nil
        try countAttempt(username: name, address: client.ipAddress)
        let origin = PasswordHasher.Origin(address: client.ipAddress, username: name ?? "")
        let account: Account?
        let verdict: PasswordHasher.Verdict
        do throws(AccountError) {
            account = if let name { try await self.account(named: name) } else { nil }
            verdict = try await check(password, against: account?.passwordHash, for: origin)
        } catch {
            // No password was tried.
            if let name { attempts.withLockedValue { $0.byUsername.takeBack(name, now: now()) } }
            throw error
        }
        guard let name, let account, verdict.matches else { throw .badCredentials }
        attempts.withLockedValue { $0.byUsername.forgive(name) }
        guard !account.isSuspended else { throw .suspended }
        var steps: [Step] = []
        if verdict.wantsRehash, let old = account.passwordHash,
            let new = try? await passwords.hash(password, for: origin)
        {
            steps.append(
                Step(.updatePasswordHash, [.id(account.profile.id), .text(old), .text(new), .instant(now())]))
        }
        return try await openSession(of: account.profile, client: client, after: steps)
    }

    /// The identity behind an access token. Asks the database each time.
    /// - Throws: `unauthenticated` when the token is not valid or its session has ended, `suspended`, `unavailable`,
    ///   `internal`.
    public func authenticate(_ accessToken: Redacted<String>) async throws(AccountError) -> Identity {
        let now = now()
        let claims = try await tokens.verify(accessToken, now: now)
        guard let session = try await session(claims.session), session.isLive(now: now),
            session.profile.id == claims.user, session.device == claims.device
        else { throw .unauthenticated }
        guard !session.isSuspended else { throw .suspended }
        return Identity(profile: session.profile, session: session.id, device: session.device)
    }

    /// Users whose username or display name begins with a text, ignoring case, by username.
    ///
    /// The caller is left out, and so are suspended users.
    /// - Parameter limit: 1 to 50; values outside are clamped.
    /// - Throws: `invalid(.query)`, `unavailable`, `internal`.
    public func search(
        query: String, by searcher: UserID, limit: Int = 20
    ) async throws(AccountError) -> [Profile] {
        let query = try AccountRules.query(query)
        guard !query.isEmpty else { return [] }
        let count = Int64(min(max(limit, 1), 50))
        return try await profiles(.searchUsers, [.text(query), .id(searcher), .integer(count)])
    }

    /// A user's profile, or nil when there is none.
    /// - Throws: `unavailable`, `internal`.
    public func profile(of user: UserID) async throws(AccountError) -> Profile? {
        try await profiles(.userByID, [.id(user)]).first
    }

    private func profiles(_ statement: Statement, _ values: [SQLValue]) async throws(AccountError) -> [Profile] {
        try await read(statement, values) { row throws(DatabaseError) in try Profile(row: row) }
    }

    /// Counts an attempt to log in or register.
    private func countAttempt(username: String?, address: String) throws(AccountError) {
        let now = now()
        let wait = attempts.withLockedValue { attempts -> Instant.Span? in
            // Clients whose address is not known share one place.
            if let wait = attempts.byAddress.attempt(AttemptLimiter.place(of: address), now: now) {
                return wait
            }
            return username.flatMap { attempts.byUsername.attempt($0, now: now) }
        }
        if let wait { throw .rateLimited(retryAfter: wait) }
    }

    private func check(
        _ password: Redacted<String>, against hash: String?, for origin: PasswordHasher.Origin
    ) async throws(AccountError) -> PasswordHasher.Verdict {
        do {
            return try await passwords.verify(password, against: hash, for: origin)
        } catch {
            throw accountError(error)
        }
    }
}
