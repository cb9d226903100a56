// Nominal members. Each is an invitation with a `shown_role`: no rule that asks for members finds them, and statements
// that show members to people include them with what is defined here.
extension Statement {
    static let nominalMembers = [addNominalMember, admitNominalMember, changeNominalRole, removeNominalMember]

    /// Shows a user who has blocked the one who adds them as a member of a group. Returns the `user_id`; no row when
    /// the one who adds may not, the group is full, there is no such user or group, or the user is in it or shown there
    /// already.
    ///
    /// An existing invitation that is not `hidden` stays as it is to the user. Otherwise one appears when the block
    /// ends.
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

    /// Makes a nominal member a member in fact, with the role and since the time that the others see. Returns the
    /// user_id; no row when the one who adds may not, or there is no such member.
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

    /// As `changeMemberRole`, for a nominal member.
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

    /// As `removeMember`, for a nominal member, who is not told and cannot leave.
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

    /// Whether an invitation belongs to a nominal member.
    static func isNominal(_ invitation: String) -> String { "(\(invitation).shown_role IS NOT NULL)" }

    /// The members of some conversations as everybody in them sees them, and whether each `is_nominal`.
    /// - Parameter these: A condition for the conversation's id, without its left side.
    static func shownMembers(of these: String) -> String {
        """
        SELECT p.conversation_id, p.user_id, p.role, FALSE AS is_nominal FROM conversation_participants AS p
            WHERE p.conversation_id \(these) AND p.left_at IS NULL
            UNION ALL
            SELECT i.conversation_id, i.user_id, i.shown_role, TRUE FROM group_invitations AS i
            WHERE i.conversation_id \(these) AND \(isNominal("i"))
        """
    }

    /// How many members everybody in a conversation sees, except one of them.
    static func countOfMembers(of conversation: String, but user: String) -> String {
        """
        (SELECT COUNT(*) FROM (\(shownMembers(of: "= \(conversation)"))) AS s WHERE s.user_id <> \(user))
        """
    }
}
