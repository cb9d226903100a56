extension Statement {
    static let calls =
        putCallParticipants + [
            insertCall, updateCall, insertScreenShare, closeScreenShare, callsToAdopt,
            adoptCall, readoptCall, openCallIDs, openCalls, participantsOfOpenCalls, screenSharesOfOpenCalls,
            participantsOfCall, screenSharesOfCall, callByID, callByClientID, formerMembersOfOpenCalls,
        ]

    /// Writes a new call. Violates `calls_initiator_id_client_call_id_key` when it repeats an invite, and
    /// `calls_open_key` when the conversation has an open call of the same mode, unless that one has grown into it.
    ///
    /// Parameters: id, conversation_id, initiator_id, client_call_id, mode, type, status, media_path, revision,
    /// started_at, answered_at, ended_at, ring_expires_at, end_reason, locked, owner_id, owner_epoch.
    public static let insertCall = Statement(
        "insert_call",
        """
        INSERT INTO calls (
            id, conversation_id, initiator_id, client_call_id, mode, type, status, media_path, revision, started_at,
            answered_at, ended_at, ring_expires_at, end_reason, locked, owner_id, owner_epoch)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
        """)

    /// Writes a call's new state over the one that the writer knew. Expect one row: none means that somebody else owns
    /// the call now.
    ///
    /// Parameters: id, the revision that is in the database, the new revision, mode, status, media_path, answered_at,
    /// ended_at, ring_expires_at, end_reason, locked, owner_id, owner_epoch.
    public static let updateCall = Statement(
        "update_call",
        // PostgreSQL takes $4 for what it is compared with first; as a text it can also be assigned, to a domain.
        """
        UPDATE calls SET grown = (grown OR mode <> $4), revision = $3, mode = $4, status = $5, media_path = $6,
            answered_at = $7, ended_at = $8, ring_expires_at = $9, end_reason = $10, locked = $11
        WHERE id = $1 AND revision = $2 AND owner_id = $12 AND owner_epoch = $13
        """)

    /// How many participants one of `putCallParticipants` writes at most.
    public static let callParticipantsBatch = 4

    /// Write the states of participants of one call, inserted or updated: the first statement that of one, the next
    /// those of two, and so on up to `callParticipantsBatch`. Nobody may come twice.
    ///
    /// Parameters: call_id, started_at of the call, then for each participant user_id, status, joined_at, left_at,
    /// leave_reason, device_id, ring_expires_at, polite, role, rung_at, hidden, standing.
    public static let putCallParticipants: [Statement] = (1...callParticipantsBatch).map { count in
        let width = 12
        let rows = (0..<count).map { row in
            let own = (0..<width).map { "$\(3 + row * width + $0)" }.joined(separator: ", ")
            return "($1, $2, \(own))"
        }
        return Statement(
            "put_call_participants_\(count)",
            """
            INSERT INTO call_participants (
                call_id, started_at, user_id, status, joined_at, left_at, leave_reason, device_id, ring_expires_at,
                polite, role, rung_at, hidden, standing)
            VALUES \(rows.joined(separator: ",\n    "))
            ON CONFLICT (call_id, user_id) DO UPDATE SET status = excluded.status, joined_at = excluded.joined_at,
                left_at = excluded.left_at, leave_reason = excluded.leave_reason, device_id = excluded.device_id,
                ring_expires_at = excluded.ring_expires_at, polite = excluded.polite, role = excluded.role,
                rung_at = excluded.rung_at, hidden = excluded.hidden, standing = excluded.standing
            """)
    }

    /// Opens the log of a screen share. Violates `screen_share_logs_open_key` when the sharer has one open.
    ///
    /// Parameters: call_id, sharer_user_id, started_at.
    public static let insertScreenShare = Statement(
        "insert_screen_share",
        "INSERT INTO screen_share_logs (call_id, sharer_user_id, started_at) VALUES ($1, $2, $3)")

    /// Closes the open log of a sharer.
    ///
    /// Parameters: call_id, sharer_user_id, ended_at, end_reason.
    public static let closeScreenShare = Statement(
        "close_screen_share",
        """
        UPDATE screen_share_logs SET ended_at = $3, end_reason = $4
        WHERE call_id = $1 AND sharer_user_id = $2 AND ended_at IS NULL
        """)

    /// Lists open calls that a node may take over, with their owner and its last sign of life (`owner_seen_at`), which
    /// are NULL when unknown.
    ///
    /// Parameters: the node's id, its epoch, now, limit.
    public static let callsToAdopt = Statement(
        "calls_to_adopt",
        """
        SELECT c.id, c.owner_id, o.renewed_at AS owner_seen_at
        FROM calls AS c LEFT JOIN nodes AS o ON o.id = c.owner_id
        WHERE \(isOpen) AND \(isAdoptable)
        ORDER BY c.id
        LIMIT $4
        """)

    /// Makes a node the owner of an open call. Expect one row: none means that the call is over or that another node
    /// was faster.
    ///
    /// The revision jumps beyond every one that the previous owner can have told: that owner also counted changes that
    /// are not stored, and no client may take an old state for a new one.
    ///
    /// Parameters: the node's id, its epoch, now, the call's id.
    public static let adoptCall = Statement(
        "adopt_call",
        """
        UPDATE calls AS c SET owner_id = $1, owner_epoch = $2, revision = \(revisionBeyondAllTold)
        WHERE c.id = $4 AND \(isOpen) AND \(isAdoptable)
        """)

    /// Lets an owner start over with an open call of its own that is missing from its memory. Expect one row, as with
    /// `adoptCall`.
    ///
    /// Parameters: owner_id, owner_epoch, the call's id.
    public static let readoptCall = Statement(
        "readopt_call",
        "UPDATE calls AS c SET revision = \(revisionBeyondAllTold) WHERE c.id = $3 AND \(isOpen) AND \(isOwned)")

    /// Lists the ids of an owner's open calls.
    ///
    /// Parameters: owner_id, owner_epoch.
    public static let openCallIDs = Statement(
        "open_call_ids", "SELECT c.id FROM calls AS c WHERE \(isOpen) AND \(isOwned)")

    /// Lists the participants of an owner's open group calls that are stored as members of the conversation and no
    /// longer are, not even nominally: `user_id`, `conversation_id`.
    ///
    /// Parameters: owner_id, owner_epoch.
    public static let formerMembersOfOpenCalls = Statement(
        "former_members_of_open_calls",
        """
        SELECT p.user_id, c.conversation_id
        FROM calls AS c JOIN call_participants AS p ON p.call_id = c.id
        WHERE \(isOpen) AND \(isOwned) AND c.mode = 'group' AND p.standing = 'member'
            AND NOT EXISTS (
                SELECT 1 FROM conversation_participants AS m
                WHERE m.conversation_id = c.conversation_id AND m.user_id = p.user_id AND m.left_at IS NULL)
            AND NOT EXISTS (
                SELECT 1 FROM group_invitations AS i
                WHERE i.conversation_id = c.conversation_id AND i.user_id = p.user_id AND \(isNominal("i")))
        """)

    /// Lists the open calls of an owner.
    ///
    /// Parameters: owner_id, owner_epoch.
    public static let openCalls = Statement(
        "open_calls", "SELECT \(callColumns) FROM calls AS c WHERE \(isOpen) AND \(isOwned) ORDER BY c.id")

    /// Lists the participants of an owner's open calls with their profiles, by `call_id`.
    ///
    /// Parameters: owner_id, owner_epoch.
    public static let participantsOfOpenCalls = Statement(
        "participants_of_open_calls",
        """
        SELECT \(participantColumns)
        FROM calls AS c
        JOIN call_participants AS p ON p.call_id = c.id
        JOIN users AS u ON u.id = p.user_id
        WHERE \(isOpen) AND \(isOwned)
        ORDER BY p.call_id, p.user_id
        """)

    /// Lists the open screen shares of an owner's open calls, by `call_id`.
    ///
    /// Parameters: owner_id, owner_epoch.
    public static let screenSharesOfOpenCalls = Statement(
        "screen_shares_of_open_calls",
        """
        SELECT s.call_id, s.sharer_user_id, s.started_at
        FROM calls AS c JOIN screen_share_logs AS s ON s.call_id = c.id
        WHERE \(isOpen) AND \(isOwned) AND s.ended_at IS NULL
        ORDER BY s.call_id, s.started_at
        """)

    /// Lists the participants of a call with their profiles.
    ///
    /// Parameters: call_id.
    public static let participantsOfCall = Statement(
        "participants_of_call",
        """
        SELECT \(participantColumns)
        FROM call_participants AS p JOIN users AS u ON u.id = p.user_id
        WHERE p.call_id = $1
        ORDER BY p.user_id
        """)

    /// Lists the open screen shares of a call.
    ///
    /// Parameters: call_id.
    public static let screenSharesOfCall = Statement(
        "screen_shares_of_call",
        """
        SELECT call_id, sharer_user_id, started_at FROM screen_share_logs
        WHERE call_id = $1 AND ended_at IS NULL
        ORDER BY started_at
        """)

    /// Finds a call.
    ///
    /// Parameters: id.
    public static let callByID = Statement("call_by_id", "SELECT \(callColumns) FROM calls AS c WHERE c.id = $1")

    /// Finds a call by the initiator's own name for it.
    ///
    /// Parameters: initiator_id, client_call_id.
    public static let callByClientID = Statement(
        "call_by_client_id",
        "SELECT \(callColumns) FROM calls AS c WHERE c.initiator_id = $1 AND c.client_call_id = $2")

    private static let isOpen = "c.status IN ('initiated', 'ongoing')"

    private static let revisionBeyondAllTold = "(c.revision / 4294967296 + 1) * 4294967296"

    private static let isOwned = "c.owner_id = $1 AND c.owner_epoch = $2"

    /// Whether the call has no owner, is the node's ($1) own from before its current epoch ($2), or belongs to a node
    /// whose lease has expired by now ($3).
    private static let isAdoptable = """
        (c.owner_id IS NULL OR (c.owner_id = $1 AND c.owner_epoch < $2) OR (c.owner_id <> $1 AND NOT EXISTS (
            SELECT 1 FROM nodes AS n WHERE n.id = c.owner_id AND n.expires_at > $3)))
        """

    static let callColumns = """
        c.id, c.conversation_id, c.initiator_id, c.client_call_id, c.mode, c.type, c.status, c.media_path, c.revision,
            c.started_at, c.answered_at, c.ended_at, c.ring_expires_at, c.end_reason, c.locked, c.owner_id,
            c.owner_epoch
        """

    static let participantColumns = """
        p.call_id, p.user_id, p.status, p.joined_at, p.left_at, p.leave_reason, p.device_id, p.ring_expires_at,
            p.polite, p.role, p.rung_at, p.hidden, p.standing, u.username, u.display_name, u.avatar_url
        """
}
