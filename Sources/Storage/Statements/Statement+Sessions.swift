extension Statement {
    static let sessions = [
        insertSession, sessionForRefresh, exchangeRefreshToken, revokeSession, revokeSessionsOfUser,
        revokeSessionsOfDevice, revokeOldestSessions, deleteOldSessions, liveSessionsOfUser, sessionForAuthentication,
        setPushToken, forgetPushTokenElsewhere, pushTargetsOfUser, latestRevocations,
    ]

    /// Opens a session. Violates `sessions_user_id_device_id_key` when the device has a live one: put
    /// `revokeSessionsOfDevice` before it in the unit.
    ///
    /// Parameters: id, user_id, refresh_token_hash, expires_at, ip_address, user_agent, device_id, device_name,
    /// created_at (also the last_activity).
    public static let insertSession = Statement(
        "insert_session",
        """
        INSERT INTO sessions (
            id, user_id, refresh_token_hash, expires_at, ip_address, user_agent, device_id, device_name, created_at,
            last_activity)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)
        """)

    /// Finds a session, including revoked and expired ones, with the hashes of its refresh tokens and the relevant
    /// fields of its user.
    ///
    /// Parameters: id.
    public static let sessionForRefresh = Statement(
        "session_for_refresh",
        """
        SELECT \(sessionColumns), s.refresh_token_hash, s.repeated_refresh_token_hash, s.previous_refresh_token_hash
        \(sessionsAndUsers) WHERE s.id = $1
        """)

    /// Exchanges a session's refresh token, or repeats the exchange. Returns the id; no row when somebody else was
    /// first, or the session is revoked or expired.
    ///
    /// Parameters: id, the refresh_token_hash and the repeated_refresh_token_hash (empty for none) that the writer
    /// knew, the new refresh_token_hash, repeated_refresh_token_hash and previous_refresh_token_hash, the new
    /// expires_at, now, ip_address, user_agent.
    public static let exchangeRefreshToken = Statement(
        "exchange_refresh_token",
        """
        UPDATE sessions SET refresh_token_hash = $4, repeated_refresh_token_hash = $5, previous_refresh_token_hash = $6,
            expires_at = $7, last_activity = $8, ip_address = $9, user_agent = $10
        WHERE id = $1 AND refresh_token_hash = $2 AND COALESCE(repeated_refresh_token_hash, '') = $3
            AND revoked_at IS NULL AND expires_at > $8
        RETURNING id
        """)

    /// Revokes a live session of a user. Returns id and device_id; no row when there is none.
    ///
    /// Parameters: id, user_id, revoked_at.
    public static let revokeSession = Statement(
        "revoke_session",
        """
        UPDATE sessions SET revoked_at = $3, revocation = \(nextRevocation)
        WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL
        RETURNING id, device_id
        """)

    /// Revokes all live sessions of a user. Returns id and device_id of each.
    ///
    /// Parameters: user_id, revoked_at.
    public static let revokeSessionsOfUser = Statement(
        "revoke_sessions_of_user",
        """
        UPDATE sessions SET revoked_at = $2, revocation = \(nextRevocation)
        WHERE user_id = $1 AND revoked_at IS NULL
        RETURNING id, device_id
        """)

    /// Revokes the live session of a device, before it gets another one. Returns its id.
    ///
    /// Parameters: user_id, device_id, revoked_at.
    public static let revokeSessionsOfDevice = Statement(
        "revoke_sessions_of_device",
        """
        UPDATE sessions SET revoked_at = $3, revocation = \(nextRevocation)
        WHERE user_id = $1 AND device_id = $2 AND revoked_at IS NULL
        RETURNING id
        """)

    /// Revokes the live sessions of a user except the most recently used ones, to make room for another one. Returns id
    /// and device_id of each.
    ///
    /// Parameters: user_id, revoked_at, how many are kept.
    public static let revokeOldestSessions = Statement(
        "revoke_oldest_sessions",
        """
        UPDATE sessions SET revoked_at = $2, revocation = \(nextRevocation)
        WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > $2 AND id NOT IN (
            SELECT id FROM sessions WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > $2
            ORDER BY last_activity DESC, id DESC
            LIMIT $3)
        RETURNING id, device_id
        """)

    /// Deletes the sessions of a user that were revoked or expired before a moment.
    ///
    /// Parameters: user_id, the moment.
    public static let deleteOldSessions = Statement(
        "delete_old_sessions",
        "DELETE FROM sessions WHERE user_id = $1 AND (revoked_at < $2 OR expires_at < $2)")

    /// Lists the sessions of a user that are neither revoked nor expired, most recently used first.
    ///
    /// Parameters: user_id, now.
    public static let liveSessionsOfUser = Statement(
        "live_sessions_of_user",
        """
        SELECT id, user_id, expires_at, last_activity, ip_address, user_agent, device_id, device_name, created_at
        FROM sessions
        WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > $2
        ORDER BY last_activity DESC, id DESC
        """)

    /// Finds a session with everything that decides whether its access tokens are valid.
    ///
    /// Parameters: id.
    public static let sessionForAuthentication = Statement(
        "session_for_authentication", "SELECT \(sessionColumns) \(sessionsAndUsers) WHERE s.id = $1")

    /// Stores or clears the push token of a session's device. Returns the id; no row when the session is revoked.
    ///
    /// Parameters: id, push_token.
    public static let setPushToken = Statement(
        "set_push_token", "UPDATE sessions SET push_token = $2 WHERE id = $1 AND revoked_at IS NULL RETURNING id")

    /// Removes a push token from every session but one: the installation that it names now belongs to that session,
    /// unless it is revoked.
    ///
    /// Parameters: id of the session, push_token.
    public static let forgetPushTokenElsewhere = Statement(
        "forget_push_token_elsewhere",
        """
        UPDATE sessions SET push_token = NULL
        WHERE push_token = $2 AND id <> $1
            AND EXISTS (SELECT 1 FROM sessions AS own WHERE own.id = $1 AND own.revoked_at IS NULL)
        """)

    /// Lists the devices of a user that can be woken, by `device_id`: those with a live session that has a push token.
    ///
    /// Parameters: user_id, now.
    public static let pushTargetsOfUser = Statement(
        "push_targets_of_user",
        """
        SELECT id, device_id, device_name, push_token FROM sessions
        WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > $2 AND push_token IS NOT NULL
        ORDER BY device_id
        """)

    /// Lists revoked sessions, latest revocation first, and what remains: `has_device` says whether the device has a
    /// live session, `has_user` whether the user has one.
    ///
    /// Parameters: revocation and id of the last one of the previous page (the greatest integer and any id for the
    /// first page), now, limit.
    public static let latestRevocations = Statement(
        "latest_revocations",
        """
        SELECT s.id, s.user_id, s.device_id, s.revocation,
            EXISTS (
                SELECT 1 FROM sessions AS o
                WHERE o.user_id = s.user_id AND o.device_id = s.device_id AND o.revoked_at IS NULL
                    AND o.expires_at > $3) AS has_device,
            EXISTS (
                SELECT 1 FROM sessions AS o
                WHERE o.user_id = s.user_id AND o.revoked_at IS NULL AND o.expires_at > $3) AS has_user
        FROM sessions AS s
        WHERE s.revocation IS NOT NULL AND (s.revocation, s.id) < ($1, $2)
        ORDER BY s.revocation DESC, s.id DESC
        LIMIT $4
        """)

    private static let nextRevocation = "(SELECT COALESCE(MAX(r.revocation), 0) + 1 FROM sessions AS r)"

    private static let sessionColumns = """
        s.id, s.user_id, s.device_id, s.device_name, s.expires_at, s.revoked_at, s.last_activity, s.created_at, \
        u.username, u.display_name, u.avatar_url, u.role, u.is_blocked
        """
    private static let sessionsAndUsers = "FROM sessions AS s JOIN users AS u ON u.id = s.user_id"
}
