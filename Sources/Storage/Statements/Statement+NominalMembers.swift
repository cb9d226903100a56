// Members in name only. Each is an invitation with a `shown_role`: no rule that asks for members finds them, and what shows
// members to people counts them in, by what stands here.
extension Statement {
    static let nominalMembers = [addNominalMember, admitNominalMember, changeNominalRole, removeNominalMember]

    /// Shows a user as a member of a group who has blocked whoever adds them. Returns the `user_id`; no row when the one who
    /// adds may not, the group is full, there is no such user or group, or the user is in it or shown there already.
    ///
    /// An invitation that there is stays what it is to the user, if it is not `hidden`. Without one, the end of the block shows one.
    ///
    /// Parameters: those of `inviteToGroup`, but the last one is how many members there may be.
    public static let addNominalMember = Statement(
        "add_nominal_member",
        """
        INSERT INTO group_invitations (conversation_id, user_id, inviter_id, hidden, created_at, shown_role)
        SELECT c.id, u.id, $3, \(isTooMuch), $4, 'member'
        FROM conversations AS c JOIN users AS u ON u.id = $2
        WHERE \(isToBeInvited) AND \(countOfMembers(of: "c.id", but: "u.id")) < $8
        ON CONFLICT (conversation_id, user_id) DO UPDATE SET
            inviter_id = CASE WHEN group_invitations.hidden THEN excluded.inviter_id
                ELSE group_invitations.inviter_id END,
            hidden = group_invitations.hidden AND excluded.hidden, created_at = excluded.created_at,
            shown_role = excluded.shown_role
        WHERE NOT \(isNominal("group_invitations"))
        RETURNING user_id
        """)

    /// Makes a member in name only one in fact, with the role and since the time that the others see. Returns the user_id; no
    /// row when the one who adds may not, or there is no such member.
    ///
    /// Parameters: conversation_id, user_id, added_by.
    public static let admitNominalMember = Statement(
        "admit_nominal_member",
        """
        INSERT INTO conversation_participants (conversation_id, user_id, role, added_by, joined_at)
        SELECT i.conversation_id, i.user_id, i.shown_role, $3, i.created_at FROM group_invitations AS i
        WHERE i.conversation_id = $1 AND i.user_id = $2 AND \(isNominal("i")) AND \(mayAddMembers("$3", to: "$1"))
        \(unlessThere)
        RETURNING user_id
        """)

    /// As `changeMemberRole`, of a member in name only.
    ///
    /// Parameters: those of `changeMemberRole`.
    public static let changeNominalRole = Statement(
        "change_nominal_role",
        """
        UPDATE group_invitations SET shown_role = $3
        WHERE conversation_id = $1 AND user_id = $2 AND shown_role <> $3
            AND EXISTS (
                SELECT 1 FROM conversation_participants AS o
                WHERE o.conversation_id = $1 AND o.user_id = $4 AND o.role = 'owner' AND o.left_at IS NULL)
        RETURNING user_id
        """)

    /// As `removeMember`, of a member in name only, who is not told and cannot leave.
    ///
    /// Parameters: those of `removeMember` but the last.
    public static let removeNominalMember = Statement(
        "remove_nominal_member",
        """
        DELETE FROM group_invitations
        WHERE conversation_id = $1 AND user_id = $2 AND shown_role = $3
            AND EXISTS (
                SELECT 1 FROM conversation_participants AS a
                WHERE a.conversation_id = $1 AND a.user_id = $4 AND a.role = $5 AND a.left_at IS NULL)
        RETURNING user_id
        """)

    /// Whether an invitation is that of a member in name only.
    static func isNominal(_ invitation: String) -> String { "(\(invitation).shown_role IS NOT NULL)" }

    /// The members of some conversations as everybody in them sees them, and whether each `is_nominal`.
    /// - Parameter these: A condition for the conversation's id, its left side left out.
    static func shownMembers(of these: String) -> String {
        """
        SELECT p.conversation_id, p.user_id, p.role, FALSE AS is_nominal FROM conversation_participants AS p
            WHERE p.conversation_id \(these) AND p.left_at IS NULL
            UNION ALL
            SELECT i.conversation_id, i.user_id, i.shown_role, TRUE FROM group_invitations AS i
            WHERE i.conversation_id \(these) AND \(isNominal("i"))
        """
    }

    /// How many members everybody in a conversation sees, one of them left out.
    static func countOfMembers(of conversation: String, but user: String) -> String {
        """
        (SELECT COUNT(*) FROM (\(shownMembers(of: "= \(conversation)"))) AS s WHERE s.user_id <> \(user))
        """
    }
}
