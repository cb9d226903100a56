extension Statement {
    static let invitations = [
        noteAcquaintance, noteAcquaintanceByConversation, groupCandidates, inviteToGroup, invitationsOfUser,
        invitationOfUser, usersInvitedToGroup, acceptInvitation, noteDecline, hideInvitation, withdrawInvitation,
        forgetInvitationsOfMembers,
    ]

    /// How many users one run of `groupCandidates` takes.
    public static let groupCandidatesBatch = 32

    /// Notes that a user knows another one, once. Does nothing when one of them does not exist.
    ///
    /// Parameters: who knows, whom, since when.
    public static let noteAcquaintance = Statement(
        "note_acquaintance",
        """
        INSERT INTO acquaintances (user_id, known_id, since)
        SELECT u.id, k.id, $3 FROM users AS u JOIN users AS k ON k.id = $2
        WHERE u.id = $1
        ON CONFLICT (user_id, known_id) DO NOTHING
        """)

    /// Notes that a user knows the other one of a direct conversation, once. Does nothing in a group.
    ///
    /// Parameters: who knows, conversation_id, since when.
    public static let noteAcquaintanceByConversation = Statement(
        "note_acquaintance_by_conversation",
        """
        INSERT INTO acquaintances (user_id, known_id, since)
        SELECT p.user_id, o.user_id, $3 FROM conversations AS c
        JOIN conversation_participants AS p ON p.conversation_id = c.id
        JOIN conversation_participants AS o ON o.conversation_id = c.id AND o.user_id <> p.user_id
        WHERE c.id = $2 AND c.type = 'direct' AND p.user_id = $1
        ON CONFLICT (user_id, known_id) DO NOTHING
        """)

    /// The profiles of users who are to be added to a group, and for each whether they know the one who adds them
    /// (`knows_adder`), and have blocked them (`has_blocked_adder`).
    ///
    /// Parameters: the one who adds them, then `groupCandidatesBatch` users; an id may come twice.
    public static let groupCandidates = Statement(
        "group_candidates",
        """
        SELECT u.id, u.username, u.display_name, u.avatar_url,
            (EXISTS (SELECT 1 FROM acquaintances AS a WHERE a.user_id = u.id AND a.known_id = $1)
                OR EXISTS (
                    SELECT 1 FROM contacts AS c
                    WHERE c.user_id_1 = u.id AND c.user_id_2 = $1 AND (c.status = 'accepted' OR c.requester_id = u.id)
                    UNION ALL
                    SELECT 1 FROM contacts AS c
                    WHERE c.user_id_1 = $1 AND c.user_id_2 = u.id AND (c.status = 'accepted' OR c.requester_id = u.id))
            ) AS knows_adder,
            \(isBlocked(by: "u.id", "$1")) AS has_blocked_adder
        FROM users AS u
        WHERE u.id IN (\((2..<groupCandidatesBatch + 2).map { "$\($0)" }.joined(separator: ", ")))
        """)

    /// Invites a user into a group, or again if the user does not see the existing invitation. Returns the `user_id`,
    /// whether it is `hidden`, and its `created_at`; no row when the inviter may not, the group is full, there is no
    /// such user or group, the user is in it or sees an invitation already, or would not see this one either.
    ///
    /// It is hidden from those who have blocked the inviter or lately declined an invitation of theirs, and when there
    /// are too many: to the inviter all look alike. A nominal member who may learn of the group now stays a member to
    /// the others.
    ///
    /// Parameters: conversation_id, user_id, inviter_id, created_at, since when a decline counts, how many one user
    /// sees of one inviter, how many one user sees, how many members and invited there may be.
    public static let inviteToGroup = Statement(
        "invite_to_group",
        """
        INSERT INTO group_invitations (conversation_id, user_id, inviter_id, hidden, created_at)
        SELECT c.id, u.id, $3, \(isBlocked(by: "u.id", "$3")) OR \(isTooMuch), $4
        FROM conversations AS c JOIN users AS u ON u.id = $2
        WHERE \(isToBeInvited)
            AND (
                SELECT COUNT(*) FROM conversation_participants AS p
                WHERE p.conversation_id = c.id AND p.left_at IS NULL)
            + (
                SELECT COUNT(*) FROM group_invitations AS i
                WHERE i.conversation_id = c.id AND i.user_id <> u.id) < $8
        ON CONFLICT (conversation_id, user_id) DO UPDATE SET inviter_id = excluded.inviter_id, hidden = FALSE,
            created_at = \(createdAgain)
        WHERE NOT excluded.hidden AND NOT (\(isSeen("group_invitations")))
        RETURNING user_id, hidden, created_at
        """)

    /// Lists the invitations that a user sees, newest first, with the group's `name` and `member_count` and the
    /// inviter's profile.
    ///
    /// Parameters: user_id, created_at and conversation_id of the last one of the previous page (a far future and any
    /// id for the first page), limit.
    public static let invitationsOfUser = Statement(
        "invitations_of_user",
        """
        \(seenInvitations) AND (i.created_at, i.conversation_id) < ($2, $3)
        ORDER BY i.created_at DESC, i.conversation_id DESC
        LIMIT $4
        """)

    /// As `invitationsOfUser`, for one group.
    ///
    /// Parameters: user_id, conversation_id.
    public static let invitationOfUser = Statement(
        "invitation_of_user", "\(seenInvitations) AND i.conversation_id = $2")

    /// Lists the users shown as invited into a group, with their profiles; also those who do not see their invitation.
    ///
    /// Parameters: conversation_id.
    public static let usersInvitedToGroup = Statement(
        "users_invited_to_group",
        """
        SELECT u.id, u.username, u.display_name, u.avatar_url
        FROM group_invitations AS i JOIN users AS u ON u.id = i.user_id
        WHERE i.conversation_id = $1 AND NOT \(isNominal("i"))
        ORDER BY i.user_id
        """)

    /// Makes an invited user a member of the group; a nominal member becomes one as the others see them. Returns the
    /// user_id; no row when there is no invitation that they see, they are in it already, or the group is full.
    ///
    /// Parameters: conversation_id, user_id, joined_at, how many members there may be.
    public static let acceptInvitation = Statement(
        "accept_invitation",
        """
        INSERT INTO conversation_participants (conversation_id, user_id, role, added_by, joined_at)
        SELECT i.conversation_id, i.user_id, COALESCE(i.shown_role, 'member'), i.inviter_id,
            CASE WHEN \(isNominal("i")) THEN i.created_at ELSE $3 END
        FROM group_invitations AS i
        WHERE i.conversation_id = $1 AND i.user_id = $2 AND \(isSeen("i"))
            AND \(countOfMembers(of: "$1", but: "$2")) < $4
        \(unlessThere)
        RETURNING user_id
        """)

    /// Declining, step 1: the inviter has to wait from now on.
    ///
    /// Parameters: conversation_id, user_id, declined_at.
    public static let noteDecline = Statement(
        "note_decline",
        """
        INSERT INTO declined_inviters (user_id, inviter_id, declined_at)
        SELECT i.user_id, i.inviter_id, $3 FROM group_invitations AS i
        WHERE i.conversation_id = $1 AND i.user_id = $2 AND \(isSeen("i"))
        ON CONFLICT (user_id, inviter_id) DO UPDATE SET declined_at = excluded.declined_at
        """)

    /// Declining, step 2: the invitation still looks pending. Returns the user_id; no row when there is none that the
    /// user sees.
    ///
    /// Parameters: conversation_id, user_id.
    public static let hideInvitation = Statement(
        "hide_invitation",
        """
        UPDATE group_invitations AS i SET hidden = TRUE
        WHERE i.conversation_id = $1 AND i.user_id = $2 AND \(isSeen("i"))
        RETURNING user_id
        """)

    /// Withdraws an invitation. Returns the user_id; no row when there is none, the one who withdraws it may not, or
    /// the invited user is shown as a member.
    ///
    /// Parameters: conversation_id, user_id, who withdraws it.
    public static let withdrawInvitation = Statement(
        "withdraw_invitation",
        """
        DELETE FROM group_invitations
        WHERE conversation_id = $1 AND user_id = $2 AND NOT \(isNominal("group_invitations"))
            AND \(mayAddMembers("$3", to: "$1"))
        RETURNING user_id
        """)

    /// Deletes the invitations into a group of those who are in it. Returns the user_id and the `shown_role` of each as
    /// it is: SQLite cannot tell in what a deletion returns whether it is NULL.
    ///
    /// Parameters: conversation_id.
    public static let forgetInvitationsOfMembers = Statement(
        "forget_invitations_of_members",
        """
        DELETE FROM group_invitations
        WHERE conversation_id = $1 AND user_id IN (
            SELECT p.user_id FROM conversation_participants AS p
            WHERE p.conversation_id = $1 AND p.left_at IS NULL)
        RETURNING user_id, shown_role
        """)

    /// Whether the invited user sees it. A later block hides it for as long as it lasts.
    private static func isSeen(_ invitation: String) -> String {
        "\(invitation).hidden = FALSE AND NOT \(isBlocked(by: "\(invitation).user_id", "\(invitation).inviter_id"))"
    }

    /// Whether `u` may be invited into `c` by `$3`.
    static let isToBeInvited = """
        c.id = $1 AND c.type = 'group' AND \(mayAddMembers("$3", to: "c.id"))
            AND NOT EXISTS (
                SELECT 1 FROM conversation_participants AS p
                WHERE p.conversation_id = c.id AND p.user_id = u.id AND p.left_at IS NULL)
        """

    /// Whether `u` must not see another invitation of `$3`, with the parameters of `inviteToGroup`.
    static let isTooMuch = """
        EXISTS (
                SELECT 1 FROM declined_inviters AS d
                WHERE d.user_id = u.id AND d.inviter_id = $3 AND d.declined_at > $5)
            OR (
                SELECT COUNT(*) FROM group_invitations AS i
                WHERE i.inviter_id = $3 AND i.user_id = u.id AND i.hidden = FALSE) >= $6
            OR (SELECT COUNT(*) FROM group_invitations AS i WHERE i.user_id = u.id AND \(isSeen("i"))) >= $7
        """

    /// When an invitation that is repeated was made. A nominal member has been one since they were added.
    private static let createdAgain = """
        CASE WHEN \(isNominal("group_invitations")) THEN group_invitations.created_at ELSE excluded.created_at END
        """

    /// The end of the statements that put somebody who is not in a group into it, or back into it.
    static let unlessThere = """
        ON CONFLICT (conversation_id, user_id) DO UPDATE SET role = excluded.role, added_by = excluded.added_by,
            joined_at = excluded.joined_at, left_at = NULL
        WHERE conversation_participants.left_at IS NOT NULL
        """

    private static let seenInvitations = """
        SELECT i.conversation_id, i.created_at, c.name, u.id, u.username, u.display_name, u.avatar_url,
            \(countOfMembers(of: "c.id", but: "i.user_id")) AS member_count
        FROM group_invitations AS i
        JOIN conversations AS c ON c.id = i.conversation_id
        JOIN users AS u ON u.id = i.inviter_id
        WHERE i.user_id = $1 AND \(isSeen("i")) AND NOT u.is_blocked
        """

    static func isBlocked(by blocker: String, _ blocked: String) -> String {
        "EXISTS (SELECT 1 FROM blocked_users AS b WHERE b.blocker_id = \(blocker) AND b.blocked_id = \(blocked))"
    }

    static func mayAddMembers(_ user: String, to conversation: String) -> String {
        """
        EXISTS (
            SELECT 1 FROM conversation_participants AS a
            WHERE a.conversation_id = \(conversation) AND a.user_id = \(user) AND a.role IN ('owner', 'admin')
                AND a.left_at IS NULL)
        """
    }
}
