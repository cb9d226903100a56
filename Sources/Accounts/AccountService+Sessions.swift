import Logging
public import Primitives
import Storage

extension AccountService {
    /// Exchanges a refresh token for new credentials. Each token is valid for one exchange, and for a repeat of it
    /// within 10 seconds, in case the answer was lost; any other use of it ends the session (`RefreshChain`).
    ///
    /// An exchange whose commit has an unknown outcome is looked up, and repeated if it was not carried out.
    /// - Throws: `unauthenticated`, `suspended`, `unavailable` (the exchange may have taken place), `internal`.
    public func refresh(
        _ refreshToken: Redacted<String>, ipAddress: String = "", userAgent: String = ""
    ) async throws(AccountError) -> Credentials {
        guard let content = tokens.refreshTokens.read(refreshToken) else { throw .unauthenticated }
        let fresh = tokens.refreshTokens.make(for: content.session)
        // Another request may be faster with the same token; then the token is what that request has made it.
        for _ in 0..<3 {
            let now = now()
            guard
                let stored = try await read(.sessionForRefresh, [.id(content.session)], RefreshableSession.init(row:))
                    .first,
                stored.session.isLive(now: now)
            else { throw .unauthenticated }
            guard !stored.session.isSuspended else { throw .suspended }
            // The commit had seemed to fail, but was carried out.
            if stored.chain.holds(fresh.hash) {
                return try await credentials(
                    of: stored.session, refreshToken: fresh.token, refreshTokenExpiresAt: stored.session.expiresAt)
            }
            guard case .exchange(let next) = stored.chain.use(of: content.hash, for: fresh.hash, now: now) else {
                try await endSession(ofUsedToken: stored.session, now: now)
                throw .unauthenticated
            }
            let expiresAt = now + sessionLifetime
            let values: [SQLValue] = [
                .id(content.session), .text(stored.chain.current), .text(stored.chain.repeated ?? ""),
                .text(next.current), .text(next.repeated), .text(next.previous), .instant(expiresAt), .instant(now),
                .text(AccountRules.kept(ipAddress, limit: AccountRules.addressLimit)),
                .text(AccountRules.kept(userAgent, limit: AccountRules.userAgentLimit)),
            ]
            do {
                let results = try await database.commit(WriteUnit([Step(.exchangeRefreshToken, values)]))
                guard results.first?.rows.count == 1 else { continue }
            } catch  where error.code == .outcomeUnknown {
                continue
            } catch {
                throw accountError(error, at: "exchange_refresh_token")
            }
            return try await credentials(
                of: stored.session, refreshToken: fresh.token, refreshTokenExpiresAt: expiresAt)
        }
        throw .unavailable
    }

    /// Which of some sessions are no longer valid: revoked, expired, gone, or of a suspended user.
    /// - Throws: `unavailable`, `internal`.
    public func endedSessions(among sessions: [SessionID]) async throws(AccountError) -> Set<SessionID> {
        var ended: Set<SessionID> = []
        for id in Set(sessions) {
            let session = try await session(id)
            if session?.isLive(now: now()) != true || session?.isSuspended != false { ended.insert(id) }
        }
        return ended
    }

    /// The most recently revoked sessions, by any server, latest first.
    /// - Parameters:
    ///   - earlier: The last one of the previous page; nil for the first page.
    ///   - limit: How many at most, from 1.
    /// - Throws: `unavailable`, `internal`.
    public func latestRevocations(
        before earlier: Revocation? = nil, limit: Int
    ) async throws(AccountError) -> [Revocation] {
        let place: [SQLValue] = [
            .integer(earlier?.number ?? .max), .id(earlier?.session ?? SessionID(high: .max, low: .max)),
        ]
        return try await read(.latestRevocations, place + [.instant(now()), .integer(Int64(limit))]) {
            row throws(DatabaseError) in
            Revocation(
                session: try row.id("id"), user: try row.id("user_id"), device: try row.id("device_id"),
                number: try row.integer("revocation"), isDeviceLoggedOut: try !row.boolean("has_device"),
                isUserLoggedOut: try !row.boolean("has_user"))
        }
    }

    /// Ends the caller's session.
    /// - Throws: `unavailable`, `internal`.
    public func logOut(_ identity: Identity) async throws(AccountError) {
        try await end([.id(identity.session), .id(identity.user), .instant(now())], of: identity.user)
    }

    /// The live sessions of the caller, most recently used first.
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

    /// Ends any session of the caller, including the current one.
    /// - Throws: `notFound` when it does not exist, has ended or is another user's; `unavailable`, `internal`.
    public func revoke(session: SessionID, by identity: Identity) async throws(AccountError) {
        let ended = try await end([.id(session), .id(identity.user), .instant(now())], of: identity.user)
        guard ended else { throw .notFound("session") }
    }

    /// Stores the push token of the caller's device, so that it can be woken for calls. A session that had the same
    /// token loses it: somebody else is signed in on that device now.
    /// - Parameter token: At most 2048 bytes; empty when the device should no longer be woken.
    /// - Throws: `invalid(.pushToken)`, `unauthenticated` when the session has ended meanwhile, `unavailable`,
    ///   `internal`.
    public func setPushToken(_ token: Redacted<String>, of identity: Identity) async throws(AccountError) {
        let token = try AccountRules.pushToken(token)
        var steps = [Step(.setPushToken, [.id(identity.session), .text(token?.exposed)])]
        if let token {
            steps.append(Step(.forgetPushTokenElsewhere, [.id(identity.session), .text(token.exposed)]))
        }
        guard try await commit(steps).first?.rows.count == 1 else { throw .unauthenticated }
    }

    /// Opens a session in one unit with the steps that must come before it.
    func openSession(
        of profile: Profile, client: ClientInfo, after steps: [Step]
    ) async throws(AccountError) -> Credentials {
        let now = now()
        let session = SessionID.random(at: now)
        let fresh = tokens.refreshTokens.make(for: session)
        let expiresAt = now + sessionLifetime
        try await store(
            session, of: profile, client: client, refreshTokenHash: fresh.hash, expiresAt: expiresAt, after: steps)
        return try await credentials(
            profile: profile, session: session, device: client.device, refreshToken: fresh.token,
            refreshTokenExpiresAt: expiresAt)
    }

    /// Stores a session. An older one of the same device ends, and the least recently used ones end when there are too
    /// many; sessions that ended long ago are deleted.
    func store(
        _ session: SessionID, of profile: Profile, client: ClientInfo, refreshTokenHash: String, expiresAt: Instant,
        after steps: [Step]
    ) async throws(AccountError) {
        let now = now()
        let unit = WriteUnit(
            steps + [
                // First, because its lock makes simultaneous logins of one user wait for each other.
                Step(.touchUser, [.id(profile.id), .instant(now)]),
                Step(.deleteOldSessions, [.id(profile.id), .instant(now - Self.endedSessionSpan)]),
                Step(.revokeSessionsOfDevice, [.id(profile.id), .id(client.device), .instant(now)]),
                Step(
                    .revokeOldestSessions,
                    [.id(profile.id), .instant(now), .integer(Int64(Self.sessionLimit - 1))]),
                Step(
                    .insertSession,
                    [
                        .id(session), .id(profile.id), .text(refreshTokenHash), .instant(expiresAt),
                        .text(client.ipAddress), .text(client.userAgent), .id(client.device), .text(client.deviceName),
                        .instant(now),
                    ], expectedRows: 1),
            ])
        // When a device logs in twice at once, the index lets one through; the other then ends that session.
        for _ in 0..<3 {
            do throws(DatabaseError) {
                let results = try await database.commit(unit)
                let opening = results.dropFirst(steps.count)
                // The device goes on with the new session; the least recently used ones are logged out.
                try announce(opening[opening.startIndex + 2], of: profile.id)
                try announce(opening[opening.startIndex + 3], of: profile.id, isLast: false)
                return
            } catch  where error.code == .constraint("sessions_user_id_device_id_key") {
                continue
            } catch {
                throw accountError(error, of: unit.steps, at: "insert_session")
            }
        }
        throw .unavailable
    }

    /// Ends the session of a refresh token that two parties hold.
    private func endSession(ofUsedToken session: StoredSession, now: Instant) async throws(AccountError) {
        logger.warning("refresh token used twice", metadata: ["session": "\(session.id)"])
        try await end([.id(session.id), .id(session.profile.id), .instant(now)], of: session.profile.id)
    }

    /// Ends a session if it belongs to this user and is not revoked.
    /// - Parameter values: The session, the user and the time.
    /// - Returns: Whether it was.
    @discardableResult
    private func end(_ values: [SQLValue], of user: UserID) async throws(AccountError) -> Bool {
        let results = try await commit([
            Step(.revokeSession, values), Step(.liveSessionsOfUser, [.id(user), .instant(now())]),
        ])
        do throws(DatabaseError) {
            return try announce(results[0], of: user, isLast: results[1].rows.isEmpty)
        } catch {
            throw accountError(error, at: "revoke_session")
        }
    }

    /// Reports the sessions that a step ended.
    /// - Returns: Whether there were any.
    @discardableResult
    func announce(_ result: StepResult, of user: UserID) throws(DatabaseError) -> Bool {
        var ended: [SessionID] = []
        for row in result.rows { ended.append(try row.id("id")) }
        if !ended.isEmpty { revocations.sessionsRevoked(ended, of: user) }
        return !ended.isEmpty
    }

    /// Reports the sessions that a step ended, and that their devices are logged out.
    /// - Parameter isLast: Whether the user has no other session.
    /// - Returns: Whether there were any.
    @discardableResult
    func announce(_ result: StepResult, of user: UserID, isLast: Bool) throws(DatabaseError) -> Bool {
        guard try announce(result, of: user) else { return false }
        var devices: [DeviceID] = []
        for row in result.rows { devices.append(try row.id("device_id")) }
        revocations.loggedOut(user, devices: devices, isLast: isLast)
        return true
    }

    private func credentials(
        of session: StoredSession, refreshToken: Redacted<String>, refreshTokenExpiresAt: Instant
    ) async throws(AccountError) -> Credentials {
        try await credentials(
            profile: session.profile, session: session.id, device: session.device, refreshToken: refreshToken,
            refreshTokenExpiresAt: refreshTokenExpiresAt)
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
