extension Statement {
    static let quotas = [takeFromQuota, forgetEarlierUsage]

    /// Takes some of a user's daily quota. Returns how much was `used` so far; no row when too little is left, or when
    /// there is no such user.
    ///
    /// Parameters: user_id, day, kind, how much, the whole quota.
    public static let takeFromQuota = Statement(
        "take_from_quota",
        """
        INSERT INTO daily_usage (user_id, day, kind, used)
        SELECT u.id, $2, $3, $4 FROM users AS u
        WHERE u.id = $1 AND CAST($4 AS BIGINT) <= $5
        ON CONFLICT (user_id, day, kind) DO UPDATE SET used = daily_usage.used + excluded.used
            WHERE daily_usage.used + excluded.used <= $5
        RETURNING used
        """)

    /// Deletes what a user has used on earlier days.
    ///
    /// Parameters: user_id, the first day that is kept.
    public static let forgetEarlierUsage = Statement(
        "forget_earlier_usage", "DELETE FROM daily_usage WHERE user_id = $1 AND day < $2")
}
