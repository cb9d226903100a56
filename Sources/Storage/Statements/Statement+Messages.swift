extension Statement {
    static let messages = [
        takeMessageSeq, insertMessage, messagesBefore, takeSystemMessageSeq, insertSystemMessage,
    ]

    /// Sending, step 1 of 4, before `insertMessage`, `earlierMessage` and `recipientsOfMessage`: takes the next place
    /// in the conversation. Returns last_seq; no row when the sender is not a member or has sent this message before,
    /// and then the other steps do nothing either.
    ///
    /// The row stays locked until the unit is committed, so the places have no gaps and are in commit order, and
    /// nothing is hidden from anybody meanwhile.
    ///
    /// Parameters: conversation_id, sender_id, client_message_id, created_at.
    public static let takeMessageSeq = Statement(
        "take_message_seq",
        """
        UPDATE conversations SET last_seq = last_seq + 1, last_message_at = $4, updated_at = $4
        WHERE id = $1
            AND EXISTS (
                SELECT 1 FROM conversation_participants
                WHERE conversation_id = $1 AND user_id = $2 AND left_at IS NULL)
            AND NOT EXISTS (SELECT 1 FROM messages WHERE sender_id = $2 AND client_message_id = $3)
        RETURNING last_seq
        """)

    /// Sending, step 2 of 4: puts the message into the place that step 1 took. Returns it, with the sender's place; no
    /// row when step 1 took none.
    ///
    /// It checks the place itself, instead of looking for the message again: when two servers get the same message at
    /// once, both may take a place, and the later one has to fail, by `messages_sender_id_client_message_id_key`, so
    /// that its place is given back.
    ///
    /// Parameters: id, conversation_id, sender_id, client_message_id, type, body, created_at.
    public static let insertMessage = Statement(
        "insert_message",
        """
        INSERT INTO messages (id, conversation_id, seq, sender_id, client_message_id, type, body, created_at)
        SELECT $1, c.id, c.last_seq, $3, $4, $5, $6, $7 FROM conversations AS c
        WHERE c.id = $2
            AND c.last_seq > (SELECT COALESCE(MAX(seq), 0) FROM messages WHERE conversation_id = $2)
            AND EXISTS (
                SELECT 1 FROM conversation_participants
                WHERE conversation_id = $2 AND user_id = $3 AND left_at IS NULL)
        RETURNING conversation_id, \(shownSeq(of: "messages", to: "$3")) AS seq
        """)

    /// Reads the messages just before a place, in the order of the conversation, with their senders' names.
    ///
    /// Lines that are hidden from the reader are left out, and places are the reader's.
    ///
    /// Parameters: conversation_id, seq (half the greatest integer for the newest messages, not more, because the
    /// number of hidden ones is added), limit, the reader's user_id.
    public static let messagesBefore = Statement(
        "messages_before",
        """
        SELECT * FROM (
            SELECT \(shownSeq(of: "m", to: "$4")) AS seq, \(messageColumns)
            FROM messages AS m LEFT JOIN users AS u ON u.id = m.sender_id
            WHERE m.conversation_id = $1 AND m.seq < \(storedSeq(of: "$2", in: "$1", for: "$4"))
                AND \(isVisible("m", to: "$4"))
            ORDER BY m.seq DESC
            LIMIT $3
        ) AS page
        ORDER BY seq
        """)

    /// A system message, step 1: takes the next place in the conversation. Returns last_seq; no row when there is no
    /// such conversation or the message is there already, and then step 2 does nothing either.
    ///
    /// Parameters: conversation_id, the message's id, created_at.
    public static let takeSystemMessageSeq = Statement(
        "take_system_message_seq",
        """
        UPDATE conversations SET last_seq = last_seq + 1, last_message_at = $3, updated_at = $3
        WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM messages WHERE id = $2)
        RETURNING last_seq
        """)

    /// A system message, step 2: puts it into the place that step 1 took. Returns its stored place; no row when step 1
    /// took none. `hideLine` follows for each user who must not see it, then `recipientsOfMessage`.
    ///
    /// Parameters: id, conversation_id, body, metadata, created_at.
    public static let insertSystemMessage = Statement(
        "insert_system_message",
        """
        INSERT INTO messages (id, conversation_id, seq, type, body, metadata, created_at)
        SELECT $1, c.id, c.last_seq, 'system', $3, $4, $5 FROM conversations AS c
        WHERE c.id = $2
            AND c.last_seq > (SELECT COALESCE(MAX(seq), 0) FROM messages WHERE conversation_id = $2)
        RETURNING seq
        """)

    private static let messageColumns = """
        m.id, m.conversation_id, m.sender_id, m.client_message_id, m.type, m.body, m.metadata, m.reply_to,
            m.status, m.created_at, m.edited_at, m.deleted_at, u.username, u.display_name
        """
}
