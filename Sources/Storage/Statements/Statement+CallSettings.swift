extension Statement {
    static let callSettings = [callSettingsOfUser, updateCallSettings, callPolicy, callPolicies, directCallee]

    /// How many callees one run of `callPolicies` takes.
    public static let callPoliciesBatch = 32

    /// Reads `call_waiting` and `who_can_call`.
    ///
    /// Parameters: the user.
    public static let callSettingsOfUser = Statement(
        "call_settings_of_user", "SELECT call_waiting, who_can_call FROM users WHERE id = $1")

    /// Changes call settings and returns all of them.
    ///
    /// Parameters: the user, call_waiting and who_can_call (NULL leaves one as it is), the time.
    public static let updateCallSettings = Statement(
        "update_call_settings",
        """
        UPDATE users SET call_waiting = COALESCE($2, call_waiting), who_can_call = COALESCE($3, who_can_call),
            updated_at = $4
        WHERE id = $1
        RETURNING call_waiting, who_can_call
        """)

    /// The relationship between a caller and each of some users: their profiles and call settings,
    /// `has_blocked_caller`, `is_blocked_by_caller` and `is_contact`. Suspended users are left out.
    ///
    /// Parameters: the caller, then `callPoliciesBatch` callees; an id may come twice.
    public static let callPolicies = Statement(
        "call_policies",
        """
        SELECT \(relationshipToCaller) \(ofActiveUsers) u.id IN (\((2..<callPoliciesBatch + 2).map { "$\($0)" }.joined(separator: ", ")))
        """)

    /// As `callPolicies`, for one user.
    ///
    /// Parameters: the caller, the callee.
    public static let callPolicy = Statement("call_policy", "SELECT \(relationshipToCaller) \(ofActiveUsers) u.id = $2")

    /// As `callPolicy`, with the direct conversation of the two if it has begun for the caller (`conversation_id`), and
    /// whether the caller has placed a call of this name before (`is_repeated`).
    ///
    /// Parameters: the caller, the callee, direct_key, client_call_id.
    public static let directCallee = Statement(
        "direct_callee",
        """
        SELECT \(relationshipToCaller),
            (
                SELECT c.id
                FROM conversations AS c
                JOIN conversation_participants AS own ON own.conversation_id = c.id AND own.user_id = $1
                WHERE c.direct_key = $3 AND own.began_at IS NOT NULL) AS conversation_id,
            EXISTS (SELECT 1 FROM calls WHERE initiator_id = $1 AND client_call_id = $4) AS is_repeated
        \(ofActiveUsers) u.id = $2
        """)

    private static let ofActiveUsers = "FROM users AS u WHERE NOT u.is_blocked AND"

    private static let relationshipToCaller = """
        u.id, u.username, u.display_name, u.avatar_url, u.call_waiting, u.who_can_call,
            EXISTS (SELECT 1 FROM blocked_users WHERE blocker_id = u.id AND blocked_id = $1) AS has_blocked_caller,
            EXISTS (SELECT 1 FROM blocked_users WHERE blocker_id = $1 AND blocked_id = u.id) AS is_blocked_by_caller,
            EXISTS (
                SELECT 1 FROM contacts
                WHERE user_id_1 = u.id AND user_id_2 = $1 AND status = 'accepted'
                UNION ALL
                SELECT 1 FROM contacts
                WHERE user_id_1 = $1 AND user_id_2 = u.id AND status = 'accepted') AS is_contact
        """
}
