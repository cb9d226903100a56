extension Statement {
    static let directMessages = [
        openDirectConversation, joinDirectConversation, takeDirectMessageSeq, insertDirectMessage, earlierMessage,
        beginDirectConversation, beginConversationWithCall, beginConversationWithMessage,
    ]

    /// Sending to a user, step 1 of 5: makes the direct conversation, or does nothing when it exists or one of the
    /// two is not a user.
    ///
    /// A stranger's id must not fail the unit, because that would cost the others in its transaction.
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

    /// Sending to a user, step 2 of 5: puts both into the conversation if step 1 made it. It begins only for its
    /// creator; for the other one when something in it first reaches them.
    ///
    /// Parameters: conversation_id, added_by, the two users, joined_at.
    public static let joinDirectConversation = Statement(
        "join_direct_conversation",
        """
        INSERT INTO conversation_participants (conversation_id, user_id, role, added_by, joined_at, began_at)
        SELECT c.id, u.id, 'member', $2, $5, CASE WHEN u.id = $2 THEN c.created_at END FROM conversations AS c JOIN users AS u ON u.id IN ($3, $4)
        WHERE c.id = $1
        """)

    /// Sending to a user, step 3 of 5: like `takeMessageSeq`, by the conversation's key.
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

    /// Sending to a user, step 4 of 5: like `insertMessage`, by the conversation's key. Also returns the other one's
    /// place (`recipient_seq`).
    ///
    /// Parameters: id, direct_key, sender_id, client_message_id, type, body, created_at, the other one's user_id.
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
        RETURNING conversation_id, \(shownSeq(of: "messages", to: "$3")) AS seq,
            \(shownSeq(of: "messages", to: "$8")) AS recipient_seq
        """)

    /// Sending, the step after the insertion: the message that was stored earlier with the same client message id, with
    /// the sender's place.
    ///
    /// Parameters: sender_id, client_message_id, the id that the message gets if it is stored now.
    public static let earlierMessage = Statement(
        "earlier_message",
        """
        SELECT m.id, m.conversation_id, \(shownSeq(of: "m", to: "$1")) AS seq, m.sender_id, m.client_message_id, m.type,
            m.body, m.created_at
        FROM messages AS m
        WHERE m.sender_id = $1 AND m.client_message_id = $2 AND m.id <> $3
        """)

    /// Lets a direct conversation begin for one of the two who opens it, unless it has begun.
    ///
    /// Parameters: direct_key, user_id, began_at.
    public static let beginDirectConversation = Statement(
        "begin_direct_conversation",
        """
        UPDATE conversation_participants SET began_at = $3
        WHERE conversation_id = (SELECT c.id FROM conversations AS c WHERE c.direct_key = $1)
            AND user_id = $2 AND began_at IS NULL
        """)

    /// Lets a direct conversation begin for one of the two who learns of a call in it, unless it has begun. Does
    /// nothing in a group.
    ///
    /// Parameters: conversation_id, user_id, began_at.
    public static let beginConversationWithCall = Statement(
        "begin_conversation_with_call",
        """
        UPDATE conversation_participants SET began_at = $3
        WHERE conversation_id = (SELECT c.id FROM conversations AS c WHERE c.id = $1 AND c.type = 'direct')
            AND user_id = $2 AND began_at IS NULL
        """)

    /// Lets a direct conversation begin with a message for those for whom it has not begun. Does nothing in a group,
    /// and when there is no such message.
    ///
    /// Parameters: the message's id, began_at.
    public static let beginConversationWithMessage = Statement(
        "begin_conversation_with_message",
        """
        UPDATE conversation_participants SET began_at = $2
        WHERE conversation_id = (
                SELECT c.id FROM messages AS m JOIN conversations AS c ON c.id = m.conversation_id
                WHERE m.id = $1 AND c.type = 'direct')
            AND began_at IS NULL
        """)
}
