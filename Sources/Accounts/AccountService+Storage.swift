import Logging
import Primitives
import Storage

/// An account as it is stored.
struct Account: Sendable {
    var profile: Profile
    var passwordHash: String?
    var isSuspended: Bool

    init(row: Row) throws(DatabaseError) {
        profile = try Profile(row: row)
        passwordHash = try row.textIfAny("password_hash")
        isSuspended = try row.boolean("is_blocked")
    }
}

/// A session as it is stored, with its user.
struct StoredSession: Sendable {
    var id: SessionID
    var profile: Profile
    var isSuspended: Bool
    var device: DeviceID
    var lastActivityAt: Instant
    var expiresAt: Instant
    var revokedAt: Instant?

    init(row: Row) throws(DatabaseError) {
        id = try row.id("id")
        profile = try Profile(row: row, id: "user_id")
        isSuspended = try row.boolean("is_blocked")
        device = try row.id("device_id")
        lastActivityAt = try row.instant("last_activity")
        expiresAt = try row.instant("expires_at")
        revokedAt = try row.instantIfAny("revoked_at")
    }

    func isLive(now: Instant) -> Bool {
        revokedAt == nil && now < expiresAt
    }
}

/// A session with what is stored of its refresh tokens.
struct RefreshableSession: Sendable {
    var session: StoredSession
    var chain: RefreshChain

    init(row: Row) throws(DatabaseError) {
        session = try StoredSession(row: row)
        chain = RefreshChain(
            current: try row.text("refresh_token_hash"), repeated: try row.textIfAny("repeated_refresh_token_hash"),
            previous: try row.textIfAny("previous_refresh_token_hash"), exchangedAt: session.lastActivityAt)
    }
}

extension Profile {
    /// Reads a profile from a row in which the column of the user's id has a certain name.
    init(row: Row, id: String = "id") throws(DatabaseError) {
        self.init(
            id: try row.id(id), username: try row.text("username"), displayName: try row.text("display_name"),
            avatarURL: try row.textIfAny("avatar_url"))
    }
}

/// An account to be created; its fields are checked.
struct NewAccount: Sendable {
    var username: String
    var displayName: VisibleName
    var password: Redacted<String>

    init(username: String, displayName: String, password: Redacted<String>) throws(AccountError) {
        self.username = try AccountRules.username(username)
        self.displayName = try AccountRules.displayName(displayName, username: username)
        try AccountRules.password(password)
        self.password = password
    }
}

extension ClientInfo {
    /// The same with its fields checked and cut to their limits.
    func checked() throws(AccountError) -> ClientInfo {
        ClientInfo(
            device: device, deviceName: try AccountRules.deviceName(deviceName),
            ipAddress: AccountRules.kept(ipAddress, limit: AccountRules.addressLimit),
            userAgent: AccountRules.kept(userAgent, limit: AccountRules.userAgentLimit))
    }
}

extension AccountService {
    /// The account with a username, ignoring case.
    func account(named name: String) async throws(AccountError) -> Account? {
        try await read(.userByUsername, [.text(name)]) { row throws(DatabaseError) in try Account(row: row) }.first
    }

    /// The session, live or not.
    func session(_ id: SessionID) async throws(AccountError) -> StoredSession? {
        try await read(.sessionForAuthentication, [.id(id)], StoredSession.init(row:)).first
    }

    /// The profile of a new account and the steps that store it.
    func prepare(_ account: NewAccount, address: String) async throws(AccountError) -> (Profile, [Step]) {
        // The database decides; but an attempt with a taken name should not cost a password hash.
        guard try await self.account(named: account.username.lowercased()) == nil else { throw .usernameTaken }
        let name = account.displayName.text
        let likeness: [SQLValue] = [.text(name.skeleton), .text(name.folded)]
        guard try await read(.lookalikeName, likeness, { row in row }).isEmpty else { throw .lookalike }
        let hash: String
        do {
            hash = try await passwords.hash(
                account.password, for: .init(address: address, username: account.username.lowercased()))
        } catch {
            throw accountError(error)
        }
        let now = now()
        let profile = Profile(id: .random(at: now), username: account.username, displayName: name)
        let inserting = Step(
            .insertUser,
            [
                .id(profile.id), .text(profile.username), .null, .text(hash), .text(name), .text(name.skeleton), .null,
                .text("user"), .instant(now),
            ], expectedRows: 1)
        return (
            profile,
            [
                Step(.lookalikeName, likeness, expectedRows: 0), inserting,
                Step(.setNamesToCompare, [.id(profile.id)] + likeness, expectedRows: 1),
            ]
        )
    }

    /// Runs a reading statement and makes values from its rows.
    func read<Value>(
        _ statement: Statement, _ values: [SQLValue], _ make: (Row) throws(DatabaseError) -> Value
    ) async throws(AccountError) -> [Value] {
        do throws(DatabaseError) {
            var results: [Value] = []
            for row in try await database.query(statement, values) { results.append(try make(row)) }
            return results
        } catch {
            throw accountError(error, at: statement.name)
        }
    }

    /// Commits steps, and turns the constraint that users can do something about into its error.
    func commit(_ steps: [Step]) async throws(AccountError) -> [StepResult] {
        do {
            return try await database.commit(WriteUnit(steps))
        } catch {
            throw accountError(error, of: steps, at: steps.last?.statement.name ?? "")
        }
    }

    /// The user-facing error for a unit's error: somebody may have taken a name in the meantime.
    func accountError(_ error: DatabaseError, of steps: [Step], at statement: String) -> AccountError {
        if case .expectationFailed(let index) = error.code, steps.indices.contains(index),
            steps[index].statement == .lookalikeName
        {
            return .lookalike
        }
        return accountError(error, at: statement)
    }

    func accountError(_ error: DatabaseError, at statement: String) -> AccountError {
        switch error.code {
        case .constraint("users_username_key"):
            return .usernameTaken
        case .unavailable, .outcomeUnknown:
            logger.warning("no answer from the database", metadata: ["statement": "\(statement)", "error": "\(error)"])
            return .unavailable
        case .constraint, .expectationFailed, .invalid:
            logger.error(
                "unexpected answer of the database", metadata: ["statement": "\(statement)", "error": "\(error)"])
            return .internal
        }
    }

    func accountError(_ failure: PasswordHasher.Failure) -> AccountError {
        switch failure.code {
        case .overloaded:
            return .overloaded
        case .unusable, .failed:
            logger.error("a password could not be hashed", metadata: ["error": "\(failure.message)"])
            return .internal
        }
    }
}
