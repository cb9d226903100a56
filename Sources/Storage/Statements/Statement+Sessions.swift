extension Statement {
    static let sessions = [
        insertSession, sessionByRefreshTokenHash, sessionByPreviousRefreshTokenHash, rotateSession, revokeSession,
        revokeSessionsOfUser, revokeSessionsOfDevice, liveSessionsOfUser, sessionForAuthentication,
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

    /// Finds the session of a refresh token, revoked and expired ones too, with what matters of its user.
    ///
    /// Parameters: refresh_token_hash.
    public static let sessionByRefreshTokenHash = Statement(
        "session_by_refresh_token_hash", "\(sessionWithUser) WHERE s.refresh_token_hash = $1")

    /// Finds the session in which a refresh token was used up by the last rotation: a sign of theft.
    ///
    /// Parameters: refresh_token_hash.
    public static let sessionByPreviousRefreshTokenHash = Statement(
        "session_by_previous_refresh_token_hash", "\(sessionWithUser) WHERE s.previous_refresh_token_hash = $1")

    /// Exchanges a session's refresh token. Returns id, user_id and device_id; no row when somebody else was first, or
    /// the session is revoked or expired.
    ///
    /// Parameters: id, the old refresh_token_hash, the new one, the new expires_at, now, ip_address, user_agent.
    public static let rotateSession = Statement(
        "rotate_session",
        """
        UPDATE sessions SET refresh_token_hash = $3, previous_refresh_token_hash = $2, expires_at = $4,
            last_activity = $5, ip_address = $6, user_agent = $7
        WHERE id = $1 AND refresh_token_hash = $2 AND revoked_at IS NULL AND expires_at > $5
        RETURNING id, user_id, device_id
        """)

    /// Revokes a live session of a user. Returns id and device_id; no row when there is none.
    ///
    /// Parameters: id, user_id, revoked_at.
    public static let revokeSession = Statement(
        "revoke_session",
        """
        UPDATE sessions SET revoked_at = $3 WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL
        RETURNING id, device_id
        """)

    /// Revokes all live sessions of a user. Returns id and device_id of each.
    ///
    /// Parameters: user_id, revoked_at.
    public static let revokeSessionsOfUser = Statement(
        "revoke_sessions_of_user",
        "UPDATE sessions SET revoked_at = $2 WHERE user_id = $1 AND revoked_at IS NULL RETURNING id, device_id")

    /// Revokes the live session of a device, before it gets another one. Returns its id.
    ///
    /// Parameters: user_id, device_id, revoked_at.
    public static let revokeSessionsOfDevice = Statement(
        "revoke_sessions_of_device",
        """
        UPDATE sessions SET revoked_at = $3 WHERE user_id = $1 AND device_id = $2 AND revoked_at IS NULL RETURNING id
        """)

    /// Lists the sessions of a user that are neither revoked nor expired, the most recently used first.
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

    /// Finds a session with all that decides whether its access tokens are good.
    ///
    /// Parameters: id.
    public static let sessionForAuthentication = Statement(
        "session_for_authentication", "\(sessionWithUser) WHERE s.id = $1")

    private static let sessionWithUser = """
        SELECT s.id, s.user_id, s.device_id, s.device_name, s.expires_at, s.revoked_at, s.last_activity, s.created_at,
            u.username, u.display_name, u.avatar_url, u.role, u.is_blocked
        FROM sessions AS s JOIN users AS u ON u.id = s.user_id
        """
}
