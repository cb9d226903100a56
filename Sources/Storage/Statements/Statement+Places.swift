/// Places are stored as `messages.seq`, which counts all messages of a conversation, and shown as each user counts:
/// without the lines that are hidden from that user. Every statement that returns a message returns the shown place,
/// and every one that takes a place as a parameter takes the shown one. Usually both are the same, because nothing is
/// hidden.
extension Statement {
    static let places = [hideLine, recipientsOfMessage, recipientOfMessage]

    /// Hides a line from a user, right after it is written: nobody has written after it.
    ///
    /// Parameters: the message's id, user_id.
    public static let hideLine = Statement(
        "hide_line",
        """
        INSERT INTO hidden_lines (conversation_id, user_id, seq, seen_before)
        SELECT m.conversation_id, u.id, m.seq, \(shownSeq(of: "m", to: "u.id")) - 1
        FROM messages AS m JOIN users AS u ON u.id = $2
        WHERE m.id = $1
        ON CONFLICT (conversation_id, user_id, seq) DO NOTHING
        """)

    /// The recipients of a message, including its sender, and the place (`seq`) that it has for each. No row when there
    /// is no such message.
    ///
    /// Parameters: the message's id.
    public static let recipientsOfMessage = Statement(
        "recipients_of_message",
        """
        SELECT p.user_id, \(shownSeq(of: "m", to: "p.user_id")) AS seq
        FROM messages AS m JOIN conversation_participants AS p ON p.conversation_id = m.conversation_id
        WHERE m.id = $1 AND p.left_at IS NULL AND \(isVisible("m", to: "p.user_id"))
        """)

    /// The place (`seq`) of a message for one user, who is or was a member of the conversation.
    ///
    /// Parameters: the message's id, user_id.
    public static let recipientOfMessage = Statement(
        "recipient_of_message",
        """
        SELECT p.user_id, \(shownSeq(of: "m", to: "p.user_id")) AS seq
        FROM messages AS m JOIN conversation_participants AS p ON p.conversation_id = m.conversation_id
        WHERE m.id = $1 AND p.user_id = $2
        """)

    /// Whether a user may see a message.
    static func isVisible(_ message: String, to user: String) -> String {
        """
        NOT (\(message).type = 'system' AND EXISTS (
                SELECT 1 FROM hidden_lines AS h
                WHERE h.conversation_id = \(message).conversation_id AND h.user_id = \(user) AND h.seq = \(message).seq))
        """
    }

    /// The place of a message as counted by a user who may see it.
    static func shownSeq(of message: String, to user: String) -> String {
        """
        \(message).seq - COALESCE((
                SELECT h.seq - h.seen_before FROM hidden_lines AS h
                WHERE h.conversation_id = \(message).conversation_id AND h.user_id = \(user) AND h.seq < \(message).seq
                ORDER BY h.seq DESC
                LIMIT 1), 0)
        """
    }

    /// The stored place for a place as a user counts. Hidden messages right before it come before it.
    static func storedSeq(of place: String, in conversation: String, for user: String) -> String {
        """
        \(place) + COALESCE((
                SELECT h.seq - h.seen_before FROM hidden_lines AS h
                WHERE h.conversation_id = \(conversation) AND h.user_id = \(user) AND h.seen_before < \(place)
                ORDER BY h.seen_before DESC, h.seq DESC
                LIMIT 1), 0)
        """
    }
}
