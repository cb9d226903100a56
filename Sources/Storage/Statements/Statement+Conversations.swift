extension Statement {
    static let conversations = [
        conversationByDirectKey, conversationIDByDirectKey, membersOfConversation, isConversationMember,
        conversationsOfUser, membersOfConversationsOfUser,
    ]

    /// Finds the direct conversation of a pair of users, if it has begun for one of them.
    ///
    /// Parameters: direct_key, that user's user_id.
    public static let conversationByDirectKey = Statement(
        "conversation_by_direct_key",
        """
        SELECT \(conversationColumns)
        FROM conversations AS c
        JOIN conversation_participants AS own ON own.conversation_id = c.id AND own.user_id = $2
        WHERE c.direct_key = $1 AND own.began_at IS NOT NULL
        """)

    /// As `conversationByDirectKey`, but only its `id`.
    ///
    /// Parameters: direct_key, that user's user_id.
    public static let conversationIDByDirectKey = Statement(
        "conversation_id_by_direct_key",
        """
        SELECT c.id
        FROM conversations AS c
        JOIN conversation_participants AS own ON own.conversation_id = c.id AND own.user_id = $2
        WHERE c.direct_key = $1 AND own.began_at IS NOT NULL
        """)

    /// Lists the members of a conversation with their profiles, and whether each `is_nominal`.
    ///
    /// Parameters: conversation_id.
    public static let membersOfConversation = Statement(
        "members_of_conversation",
        """
        SELECT \(memberColumns)
        FROM (\(shownMembers(of: "= $1"))) AS s JOIN users AS u ON u.id = s.user_id
        ORDER BY s.user_id
        """)

    /// Returns one row, with the `role`, if a user is a member of a conversation, and not a nominal one.
    ///
    /// Parameters: conversation_id, user_id.
    public static let isConversationMember = Statement(
        "is_conversation_member",
        """
        SELECT role FROM conversation_participants WHERE conversation_id = $1 AND user_id = $2 AND left_at IS NULL
        """)

    /// Lists the conversations of a user with their last messages (`message_…`, NULL when there is none), the most
    /// recently used first; `used_at` is when that was.
    ///
    /// Only what the user may see counts: a call that is hidden from the user moves nothing. A direct conversation
    /// is listed once it has begun for the user.
    ///
    /// Parameters: user_id, used_at and id of the last one of the previous page (a far future and any id for the first
    /// page), limit.
    public static let conversationsOfUser = Statement(
        "conversations_of_user",
        """
        SELECT \(conversationColumns), \(usedAt) AS used_at,
            m.id AS message_id, \(shownSeq(of: "m", to: "$1")) AS message_seq, m.sender_id AS message_sender_id,
            m.client_message_id AS message_client_message_id, m.type AS message_type, m.body AS message_body,
            m.metadata AS message_metadata,
            m.created_at AS message_created_at
        \(conversationsPage)
        """)

    /// Lists the members of a page of `conversationsOfUser`, as `membersOfConversation` does, by `conversation_id`.
    ///
    /// Parameters: those of `conversationsOfUser`.
    public static let membersOfConversationsOfUser = Statement(
        "members_of_conversations_of_user",
        """
        WITH listed AS (SELECT c.id \(conversationsPage))
        SELECT \(memberColumns)
        FROM (\(shownMembers(of: "IN (SELECT id FROM listed)"))) AS s JOIN users AS u ON u.id = s.user_id
        ORDER BY s.conversation_id, s.user_id
        """)

    /// A conversation as the member `own` sees it: a direct one counts as made when it began for them.
    static let conversationColumns = """
        c.id, c.type, c.name, c.description, c.icon_url, c.created_by, c.last_seq, c.last_message_at,
            COALESCE(own.began_at, c.created_at) AS created_at
        """

    private static let memberColumns = """
        s.conversation_id, s.user_id, s.role, s.is_nominal, u.username, u.display_name, u.avatar_url
        """

    private static let usedAt = "COALESCE(m.created_at, own.began_at, c.created_at)"

    /// A page of the conversations of a user, by the index of their memberships: its cost depends on how many the user
    /// has, not on what others have. A conversation was last used when the newest message that the user may see came.
    private static let conversationsPage = """
        FROM conversation_participants AS own
        JOIN conversations AS c ON c.id = own.conversation_id
        LEFT JOIN messages AS m ON m.conversation_id = c.id AND m.seq = (
            SELECT v.seq FROM messages AS v
            WHERE v.conversation_id = c.id AND \(isVisible("v", to: "$1"))
            ORDER BY v.seq DESC
            LIMIT 1)
        WHERE own.user_id = $1 AND own.left_at IS NULL
            AND (own.began_at IS NOT NULL OR c.type = 'group')
            AND (\(usedAt), c.id) < ($2, $3)
        ORDER BY \(usedAt) DESC, c.id DESC
        LIMIT $4
        """
}
