import Logging
public import Primitives
import Storage

extension AccountService {
    /// Exchanges a refresh token for new credentials. Each token is good for one exchange.
    ///
    /// A token that was used before ends the session: either it was stolen, or whoever used it before had stolen it.
    /// Of several refreshes at once with the same token exactly one succeeds, and the session lives on.
    /// - Throws: `unauthenticated`, `suspended`, `unavailable` (the exchange may have taken place), `internal`.
    public func refresh(
        _ refreshToken: Redacted<String>, ipAddress: String = "", userAgent: String = ""
    ) async throws(AccountError) -> Credentials {
        let now = now()
        guard let hash = RefreshTokens.hash(of: refreshToken) else { throw .unauthenticated }
        guard let session = try await session(.sessionByRefreshTokenHash, .text(hash)) else {
            try await endSession(whoseUsedTokenIs: hash, now: now)
            throw .unauthenticated
        }
        guard session.isLive(now: now) else { throw .unauthenticated }
        guard !session.isSuspended else { throw .suspended }
        let fresh = RefreshTokens.make()
        let expiresAt = now + sessionLifetime
        let results = try await commit([
            Step(
                .rotateSession,
                [
                    .id(session.id), .text(hash), .text(fresh.hash), .instant(expiresAt), .instant(now),
                    .text(AccountRules.kept(ipAddress, limit: AccountRules.addressLimit)),
                    .text(AccountRules.kept(userAgent, limit: AccountRules.userAgentLimit)),
                ])
        ])
        // Somebody was faster with the same token, or revoked the session.
        guard results.first?.rows.count == 1 else { throw .unauthenticated }
        return try await credentials(
            profile: session.profile, session: session.id, device: session.device, refreshToken: fresh.token,
            refreshTokenExpiresAt: expiresAt)
    }

    /// Ends the session of whoever asks.
    /// - Throws: `unavailable`, `internal`.
    public func logOut(_ identity: Identity) async throws(AccountError) {
        try await end([.id(identity.session), .id(identity.user), .instant(now())], of: identity.user)
    }

    /// The live sessions of whoever asks, the most recently used first.
    /// - Throws: `unavailable`, `internal`.
    public func sessions(of identity: Identity) async throws(AccountError) -> [SessionInfo] {
        try await read(.liveSessionsOfUser, [.id(identity.user), .instant(now())]) { row throws(DatabaseError) in
            let id: SessionID = try row.id("id")
            return SessionInfo(
                id: id, device: try row.id("device_id"), deviceName: try row.textIfAny("device_name") ?? "",
                createdAt: try row.instant("created_at"), lastActivityAt: try row.instant("last_activity"),
                expiresAt: try row.instant("expires_at"), ipAddress: try row.textIfAny("ip_address") ?? "",
                userAgent: try row.textIfAny("user_agent") ?? "", isCurrent: id == identity.session)
        }
    }

    /// Ends another session of whoever asks, or their own.
    /// - Throws: `notFound` when it is nobody's, somebody else's or over; `unavailable`, `internal`.
    public func revoke(session: SessionID, by identity: Identity) async throws(AccountError) {
        let ended = try await end([.id(session), .id(identity.user), .instant(now())], of: identity.user)
        guard ended else { throw .notFound("session") }
    }

    /// Opens a session in one unit with what must come before it.
    func openSession(
        of profile: Profile, client: ClientInfo, after steps: [Step]
    ) async throws(AccountError) -> Credentials {
        let now = now()
        let session = SessionID.random(at: now)
        let fresh = RefreshTokens.make()
        let expiresAt = now + sessionLifetime
        try await store(
            session, of: profile, client: client, refreshTokenHash: fresh.hash, expiresAt: expiresAt, after: steps)
        return try await credentials(
            profile: profile, session: session, device: client.device, refreshToken: fresh.token,
            refreshTokenExpiresAt: expiresAt)
    }

    /// Stores a session; an older one of the same device ends.
    func store(
        _ session: SessionID, of profile: Profile, client: ClientInfo, refreshTokenHash: String, expiresAt: Instant,
        after steps: [Step]
    ) async throws(AccountError) {
        let now = now()
        let unit = WriteUnit(
            steps + [
                Step(.revokeSessionsOfDevice, [.id(profile.id), .id(client.device), .instant(now)]),
                Step(
                    .insertSession,
                    [
                        .id(session), .id(profile.id), .text(refreshTokenHash), .instant(expiresAt),
                        .text(client.ipAddress), .text(client.userAgent), .id(client.device), .text(client.deviceName),
                        .instant(now),
                    ], expectedRows: 1),
                Step(.touchUser, [.id(profile.id), .instant(now)]),
            ])
        // When the same device logs in twice at once, the index lets one through, and the other ends its session.
        for _ in 0..<3 {
            do throws(DatabaseError) {
                let results = try await database.commit(unit)
                try announce(results[steps.count], of: profile.id)
                return
            } catch  where error.code == .constraint("sessions_user_id_device_id_key") {
                continue
            } catch {
                throw accountError(error, at: "insert_session")
            }
        }
        throw .unavailable
    }

    /// Ends the session of a refresh token that was used up by the last exchange, unless that was just now.
    private func endSession(whoseUsedTokenIs hash: String, now: Instant) async throws(AccountError) {
        guard let session = try await session(.sessionByPreviousRefreshTokenHash, .text(hash)),
            session.isLive(now: now), now >= session.lastActivityAt + Self.repeatSpan
        else { return }
        logger.warning("refresh token used twice", metadata: ["session": "\(session.id)"])
        try await end([.id(session.id), .id(session.profile.id), .instant(now)], of: session.profile.id)
    }

    /// Ends a session if it is this user's and not revoked.
    /// - Parameter values: The session, the user and the time.
    /// - Returns: Whether it was.
    @discardableResult
    private func end(_ values: [SQLValue], of user: UserID) async throws(AccountError) -> Bool {
        let results = try await commit([Step(.revokeSession, values)])
        do throws(DatabaseError) {
            return try results.first.map { result throws(DatabaseError) in try announce(result, of: user) } ?? false
        } catch {
            throw accountError(error, at: "revoke_session")
        }
    }

    /// Tells of the sessions that a step ended.
    /// - Returns: Whether there were any.
    @discardableResult
    func announce(_ result: StepResult, of user: UserID) throws(DatabaseError) -> Bool {
        var ended: [SessionID] = []
        for row in result.rows { ended.append(try row.id("id")) }
        if !ended.isEmpty { revocations.sessionsRevoked(ended, of: user) }
        return !ended.isEmpty
    }

    private func credentials(
        profile: Profile, session: SessionID, device: DeviceID, refreshToken: Redacted<String>,
        refreshTokenExpiresAt: Instant
    ) async throws(AccountError) -> Credentials {
        let access = try await tokens.issue(user: profile.id, session: session, device: device, now: now())
        return Credentials(
            profile: profile, session: session, accessToken: access.token, accessTokenExpiresAt: access.expiresAt,
            refreshToken: refreshToken, refreshTokenExpiresAt: refreshTokenExpiresAt)
    }
}
