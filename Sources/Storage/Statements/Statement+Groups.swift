extension Statement {
    static let groups = [
        openGroup, joinGroup, conversationByID, conversationByClientID, lockGroup, addMember, changeMemberRole,
        removeMember, passOnOwnership,
    ]

    /// Making a group, step 1: the conversation, unless its creator made it before.
    ///
    /// Parameters: id, created_by, client_conversation_id, name, created_at (also the updated_at).
    public static let openGroup = Statement(
        "open_group",
        """
        INSERT INTO conversations (id, type, name, created_by, client_conversation_id, created_at, updated_at)
        SELECT $1, 'group', $4, u.id, $3, $5, $5 FROM users AS u
        WHERE u.id = $2
        ON CONFLICT (created_by, client_conversation_id) DO NOTHING
        """)

    /// Making a group, once for each member: puts the member into it if step 1 made it.
    ///
    /// Parameters: conversation_id, user_id, role, added_by, joined_at.
    public static let joinGroup = Statement(
        "join_group",
        """
        INSERT INTO conversation_participants (conversation_id, user_id, role, added_by, joined_at)
        SELECT c.id, u.id, $3, $4, $5 FROM conversations AS c JOIN users AS u ON u.id = $2
        WHERE c.id = $1
        ON CONFLICT (conversation_id, user_id) DO NOTHING
        """)

    /// Finds a conversation of a user.
    ///
    /// Parameters: id, user_id.
    public static let conversationByID = Statement(
        "conversation_by_id",
        """
        SELECT \(conversationColumns)
        FROM conversations AS c
        JOIN conversation_participants AS own ON own.conversation_id = c.id AND own.user_id = $2
        WHERE c.id = $1
        """)

    /// Finds a group by its creator's own name for it.
    ///
    /// Parameters: created_by, client_conversation_id.
    public static let conversationByClientID = Statement(
        "conversation_by_client_id",
        """
        SELECT \(conversationColumns)
        FROM conversations AS c
        JOIN conversation_participants AS own ON own.conversation_id = c.id AND own.user_id = c.created_by
        WHERE c.created_by = $1 AND c.client_conversation_id = $2
        """)

    /// Changing the members of a group, step 1: locks them until this unit is on disk, so that their number can be
    /// trusted.
    ///
    /// Parameters: id, updated_at.
    public static let lockGroup = Statement(
        "lock_group", "UPDATE conversations SET updated_at = $2 WHERE id = $1 AND type = 'group'")

    /// Adds a member to a group, or brings one back. Returns the user_id; no row when the one who adds may not, the
    /// group is full, there is no such user or group, or the user is in it. Not for nominal members.
    ///
    /// Parameters: conversation_id, user_id, added_by, joined_at, how many members there may be.
    public static let addMember = Statement(
        "add_member",
        """
        INSERT INTO conversation_participants (conversation_id, user_id, role, added_by, joined_at)
        SELECT c.id, u.id, 'member', $3, $4 FROM conversations AS c JOIN users AS u ON u.id = $2
        WHERE c.id = $1 AND c.type = 'group' AND \(mayAddMembers("$3", to: "c.id"))
            AND \(countOfMembers(of: "c.id", but: "u.id")) < $5
        \(unlessThere)
        RETURNING user_id
        """)

    /// Makes a member of a group an admin, or an admin a member. Returns the user_id; no row when the one who does it
    /// is not the owner, or it would make no difference to anybody.
    ///
    /// Parameters: conversation_id, user_id, the new role (not the owner's), who does it.
    public static let changeMemberRole = Statement(
        "change_member_role",
        """
        UPDATE conversation_participants SET role = $3
        WHERE conversation_id = $1 AND user_id = $2 AND left_at IS NULL AND role NOT IN ('owner', $3)
            AND EXISTS (
                SELECT 1 FROM conversation_participants AS o
                WHERE o.conversation_id = $1 AND o.user_id = $4 AND o.role = 'owner' AND o.left_at IS NULL)
        RETURNING user_id
        """)

    /// Removes a member from a group. Returns the user_id; no row when the roles are not the expected ones.
    ///
    /// Parameters: conversation_id, user_id, the member's role, who removes (may be the member), that user's role,
    /// left_at.
    public static let removeMember = Statement(
        "remove_member",
        """
        UPDATE conversation_participants SET left_at = $6
        WHERE conversation_id = $1 AND user_id = $2 AND role = $3 AND left_at IS NULL
            AND EXISTS (
                SELECT 1 FROM conversation_participants AS a
                WHERE a.conversation_id = $1 AND a.user_id = $4 AND a.role = $5 AND a.left_at IS NULL)
        RETURNING user_id
        """)

    /// Makes the admin, or else the member, who has been in a group for the longest time its owner when it has none.
    /// Never a nominal member.
    ///
    /// Parameters: conversation_id.
    public static let passOnOwnership = Statement(
        "pass_on_ownership",
        """
        UPDATE conversation_participants SET role = 'owner'
        WHERE conversation_id = $1
            AND user_id = (
                SELECT p.user_id FROM conversation_participants AS p
                WHERE p.conversation_id = $1 AND p.left_at IS NULL
                ORDER BY CASE p.role WHEN 'member' THEN 1 ELSE 0 END, p.joined_at, p.user_id
                LIMIT 1)
            AND NOT EXISTS (
                SELECT 1 FROM conversation_participants AS o
                WHERE o.conversation_id = $1 AND o.role = 'owner' AND o.left_at IS NULL)
        """)
}
