extension Statement {
    static let directMessages = [
        openDirectConversation, joinDirectConversation, takeDirectMessageSeq, insertDirectMessage, earlierMessage,
    ]

    /// Sending to a user, step 1 of 5: makes the direct conversation, or does nothing when there is one or one of the
    /// two is not a user.
    ///
    /// A stranger's id must not fail the unit, because that would cost those who share its transaction.
    ///
    /// Parameters: id, direct_key, created_by, the two users, created_at (also the updated_at).
    public static let openDirectConversation = Statement(
        "open_direct_conversation",
        """
        INSERT INTO conversations (id, type, created_by, direct_key, created_at, updated_at)
        SELECT $1, 'direct', $3, $2, $6, $6
        WHERE (SELECT COUNT(*) FROM users WHERE id IN ($4, $5)) = 2
            AND NOT EXISTS (SELECT 1 FROM conversations WHERE direct_key = $2)
        ON CONFLICT (direct_key) DO NOTHING
        """)

    /// Sending to a user, step 2 of 5: puts both into the conversation if step 1 made it.
    ///
    /// Parameters: conversation_id, added_by, the two users, joined_at.
    public static let joinDirectConversation = Statement(
        "join_direct_conversation",
        """
        INSERT INTO conversation_participants (conversation_id, user_id, role, added_by, joined_at)
        SELECT c.id, u.id, 'member', $2, $5 FROM conversations AS c JOIN users AS u ON u.id IN ($3, $4)
        WHERE c.id = $1
        """)

    /// Sending to a user, step 3 of 5: as `takeMessageSeq`, by the conversation's key.
    ///
    /// Parameters: direct_key, sender_id, client_message_id, created_at.
    public static let takeDirectMessageSeq = Statement(
        "take_direct_message_seq",
        """
        UPDATE conversations SET last_seq = last_seq + 1, last_message_at = $4, updated_at = $4
        WHERE direct_key = $1
            AND EXISTS (
                SELECT 1 FROM conversation_participants AS p
                WHERE p.conversation_id = conversations.id AND p.user_id = $2 AND p.left_at IS NULL)
            AND NOT EXISTS (SELECT 1 FROM messages WHERE sender_id = $2 AND client_message_id = $3)
        RETURNING last_seq
        """)

    /// Sending to a user, step 4 of 5: as `insertMessage`, by the conversation's key.
    ///
    /// Parameters: id, direct_key, sender_id, client_message_id, type, body, created_at.
    public static let insertDirectMessage = Statement(
        "insert_direct_message",
        """
        INSERT INTO messages (id, conversation_id, seq, sender_id, client_message_id, type, body, created_at)
        SELECT $1, c.id, c.last_seq, $3, $4, $5, $6, $7 FROM conversations AS c
        WHERE c.direct_key = $2
            AND c.last_seq > (SELECT COALESCE(MAX(m.seq), 0) FROM messages AS m WHERE m.conversation_id = c.id)
            AND EXISTS (
                SELECT 1 FROM conversation_participants AS p
                WHERE p.conversation_id = c.id AND p.user_id = $3 AND p.left_at IS NULL)
        RETURNING conversation_id, seq
        """)

    /// Sending, the step after the insertion: the message that an earlier sending with the same client message id has
    /// stored.
    ///
    /// Parameters: sender_id, client_message_id, the id that the message has when it is stored now.
    public static let earlierMessage = Statement(
        "earlier_message",
        """
        SELECT id, conversation_id, seq, sender_id, client_message_id, type, body, created_at FROM messages
        WHERE sender_id = $1 AND client_message_id = $2 AND id <> $3
        """)
}
