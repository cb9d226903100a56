extension Statement {
    static let callHistory =
        [CallPageStatements.ofUser, .missedByUser, .ofConversation].flatMap { [$0.calls, $0.participants, $0.shares] }
        + [
            recordedSharesOfCall, isCallKnown, missedCallsSeenThrough, countMissedCalls, markMissedCallsSeen,
            markMissedCallsSeenThroughCall,
        ]

    /// Lists all screen shares of a call, oldest first.
    ///
    /// Parameters: call_id.
    public static let recordedSharesOfCall = Statement(
        "recorded_shares_of_call",
        """
        SELECT \(shareColumns) FROM screen_share_logs AS s
        WHERE s.call_id = $1
        ORDER BY s.started_at, s.id
        """)

    /// Returns one row if a user may read data of a call: it is one of theirs, or of a conversation that they are in.
    ///
    /// Parameters: call_id, user_id.
    public static let isCallKnown = Statement(
        "is_call_known",
        """
        SELECT c.id FROM calls AS c
        WHERE c.id = $1 AND NOT \(isHiddenFromUser) AND (
            EXISTS (SELECT 1 FROM call_participants AS p WHERE p.call_id = c.id AND p.user_id = $2)
            OR EXISTS (
                SELECT 1 FROM conversation_participants AS m
                WHERE m.conversation_id = c.conversation_id AND m.user_id = $2 AND m.left_at IS NULL))
        """)

    /// The moment up to which a user has seen the missed calls: `seen_through`; no row when none was ever seen.
    ///
    /// Parameters: user_id.
    public static let missedCallsSeenThrough = Statement(
        "missed_calls_seen_through", "SELECT seen_through FROM missed_call_marks WHERE user_id = $1")

    /// Counts the calls that a user has missed after a moment, up to a limit: `unseen`.
    ///
    /// Parameters: user_id, the moment, limit.
    public static let countMissedCalls = Statement(
        "count_missed_calls",
        """
        SELECT COUNT(*) AS unseen FROM (
            SELECT own.left_at FROM call_participants AS own
            WHERE \(isOwn) AND \(isMissed) AND own.left_at > $2
            LIMIT $3) AS missed
        """)

    /// Marks all calls that a user has missed up to a moment as seen, and those that a clock which was ahead has put
    /// after it. A later mark stays.
    ///
    /// Parameters: user_id, seen_through.
    public static let markMissedCallsSeen = Statement(
        "mark_missed_calls_seen",
        """
        INSERT INTO missed_call_marks (user_id, seen_through)
        VALUES ($1, COALESCE((
            SELECT MAX(own.left_at) FROM call_participants AS own
            WHERE \(isOwn) AND \(isMissed) AND own.left_at > $2), $2))
        \(keepLaterMark)
        """)

    /// Marks a call that a user has missed, and all missed before it, as seen. Does nothing when the user did not miss
    /// it.
    ///
    /// Parameters: user_id, call_id.
    public static let markMissedCallsSeenThroughCall = Statement(
        "mark_missed_calls_seen_through_call",
        """
        INSERT INTO missed_call_marks (user_id, seen_through)
        SELECT own.user_id, own.left_at FROM call_participants AS own
        WHERE own.call_id = $2 AND \(isOwn) AND \(isMissed)
        \(keepLaterMark)
        """)

    private static let keepLaterMark = """
        ON CONFLICT (user_id) DO UPDATE SET seen_through = excluded.seen_through
        WHERE missed_call_marks.seen_through < excluded.seen_through
        """

    /// The part of `own` in a call that its user may know of. Written so that the indexes begin with it: calls that
    /// must stay hidden cost nothing, however many there are.
    fileprivate static let isOwn = "own.user_id = $1 AND own.hidden = FALSE"

    /// Whether the user of `own` has missed the call. Exactly the condition of the partial indexes.
    fileprivate static let isMissed =
        "own.joined_at IS NULL AND (own.status = 'left' OR own.leave_reason = 'busy')"

    /// Whether the call `c` must stay hidden from the user `$2`.
    private static let isHiddenFromUser = """
        EXISTS (SELECT 1 FROM call_participants AS h WHERE h.call_id = c.id AND h.user_id = $2 AND h.hidden)
        """

    fileprivate static let shareColumns = "s.call_id, s.sharer_user_id, s.started_at, s.ended_at, s.end_reason"
}

/// The statements that read a page of calls, newest first: the calls, and by `call_id` their participants with their
/// profiles, and all their screen shares. They have the same parameters.
///
/// A page is a range of an index, read backwards from its end: it costs the same however long the history is.
public struct CallPageStatements: Sendable, Hashable {
    /// The calls.
    public let calls: Statement
    /// The participants of the calls.
    public let participants: Statement
    /// The screen shares of the calls.
    public let shares: Statement

    /// The calls that a user took part in, including open ones.
    ///
    /// Parameters: user_id, started_at and id of the last one of the previous page (a far future and any id for the
    /// first page), limit, type or NULL, another participant's user_id or NULL.
    public static let ofUser = CallPageStatements("of_user", page: page(where: Statement.isOwn))

    /// The calls that a user has missed.
    ///
    /// Parameters: those of `ofUser`.
    public static let missedByUser = CallPageStatements(
        "missed_by_user", page: page(where: "\(Statement.isOwn) AND \(Statement.isMissed)"))

    /// The calls of a conversation, except those that must stay hidden from a user.
    ///
    /// Parameters: conversation_id, started_at and id as with `ofUser`, limit, user_id.
    public static let ofConversation = CallPageStatements(
        "of_conversation",
        page: """
            FROM calls AS c
            WHERE c.conversation_id = $1 AND (c.started_at, c.id) < ($2, $3)
                AND NOT EXISTS (
                    SELECT 1 FROM call_participants AS h WHERE h.call_id = c.id AND h.user_id = $5 AND h.hidden)
            ORDER BY c.started_at DESC, c.id DESC
            LIMIT $4
            """)

    private init(_ name: String, page: String) {
        calls = Statement("calls_\(name)", "SELECT \(Statement.callColumns) \(page)")
        participants = Statement(
            "participants_of_calls_\(name)",
            """
            SELECT \(Statement.participantColumns)
            FROM call_participants AS p JOIN users AS u ON u.id = p.user_id
            WHERE p.call_id IN (SELECT c.id \(page))
            ORDER BY p.call_id, p.user_id
            """)
        shares = Statement(
            "shares_of_calls_\(name)",
            """
            SELECT \(Statement.shareColumns) FROM screen_share_logs AS s
            WHERE s.call_id IN (SELECT c.id \(page))
            ORDER BY s.call_id, s.started_at, s.id
            """)
    }

    private static func page(where condition: String) -> String {
        """
        FROM call_participants AS own JOIN calls AS c ON c.id = own.call_id
        WHERE \(condition) AND (own.started_at, own.call_id) < ($2, $3)
            AND (c.type = $5 OR $5 IS NULL)
            AND (EXISTS (SELECT 1 FROM call_participants AS o WHERE o.call_id = own.call_id AND o.user_id = $6)
                OR $6 IS NULL)
        ORDER BY own.started_at DESC, own.call_id DESC
        LIMIT $4
        """
    }
}
