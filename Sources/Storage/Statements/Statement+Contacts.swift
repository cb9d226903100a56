extension Statement {
    static let contacts = [
        requestContact, acceptContact, rejectContact, removeContact, contactsOfUser, contactOfUser, contactObstacles,
    ]

    static let blocks = [blockUser, withdrawContactRequest, unblockUser, blocksOfUser, blockObstacles]

    /// Asks a user to be a contact, or agrees when that user has asked. Returns the `status`; no row when nothing had
    /// to be done, when there is no such user, when the asker has blocked them, or when the asker has too many.
    ///
    /// A request to somebody who has blocked the asker is stored as `blocked`: it looks pending to the asker, and the
    /// other never learns of it, not even when the block has ended.
    ///
    /// Parameters: the lower and the higher id of the two, the asker, the other, the time, how many are too many.
    public static let requestContact = Statement(
        "request_contact",
        """
        INSERT INTO contacts (user_id_1, user_id_2, requester_id, status, created_at, updated_at)
        SELECT $1, $2, $3,
            CASE WHEN EXISTS (SELECT 1 FROM blocked_users WHERE blocker_id = $4 AND blocked_id = $3)
                THEN 'blocked' ELSE 'pending' END,
            $5, $5
        WHERE EXISTS (SELECT 1 FROM users WHERE id = $4 AND NOT is_blocked)
            AND NOT EXISTS (SELECT 1 FROM blocked_users WHERE blocker_id = $3 AND blocked_id = $4)
            AND (SELECT COUNT(*) FROM contacts WHERE requester_id = $3) < $6
        ON CONFLICT (user_id_1, user_id_2) DO UPDATE SET status = 'accepted', updated_at = excluded.updated_at
            WHERE contacts.requester_id <> excluded.requester_id AND contacts.status <> 'accepted'
        RETURNING status
        """)

    /// Accepts a request, even one that was rejected. Changes one row when the two are contacts afterwards.
    ///
    /// Parameters: the lower and the higher id of the two, who accepts, the time.
    public static let acceptContact = Statement(
        "accept_contact",
        """
        UPDATE contacts SET status = 'accepted', updated_at = $4
        WHERE user_id_1 = $1 AND user_id_2 = $2
            AND (status = 'accepted' OR requester_id <> $3 AND status IN ('pending', 'rejected'))
        """)

    /// Rejects a request, which still looks pending to its sender. Changes one row when there is one.
    ///
    /// Parameters: the lower and the higher id of the two, who rejects, the time.
    public static let rejectContact = Statement(
        "reject_contact",
        """
        UPDATE contacts SET status = 'rejected', updated_at = $4
        WHERE user_id_1 = $1 AND user_id_2 = $2 AND requester_id <> $3 AND status IN ('pending', 'rejected')
        """)

    /// Ends a contact, or withdraws one's own request.
    ///
    /// Parameters: the lower and the higher id of the two, who removes.
    public static let removeContact = Statement(
        "remove_contact",
        """
        DELETE FROM contacts
        WHERE user_id_1 = $1 AND user_id_2 = $2 AND (status = 'accepted' OR requester_id = $3)
        """)

    /// Lists contacts and requests as a user sees them, by id, except those whom the user has blocked, those who are
    /// suspended, and requests that the user has rejected or must not learn of.
    ///
    /// Parameters: the user, the last id of the previous page (the least id for the first page), limit.
    public static let contactsOfUser = Statement(
        "contacts_of_user",
        """
        \(visibleContacts) AND c.other_id > $2
        ORDER BY c.other_id
        LIMIT $3
        """)

    /// As `contactsOfUser`, for one other user.
    ///
    /// Parameters: the user, the other.
    public static let contactOfUser = Statement("contact_of_user", "\(visibleContacts) AND c.other_id = $2")

    /// What prevents a user from asking another: `has_blocked`, and the `count` of requests so far.
    ///
    /// Parameters: the user, the other.
    public static let contactObstacles = Statement(
        "contact_obstacles",
        """
        SELECT EXISTS (SELECT 1 FROM blocked_users WHERE blocker_id = $1 AND blocked_id = $2) AS has_blocked,
            (SELECT COUNT(*) FROM contacts WHERE requester_id = $1) AS count
        """)

    private static let visibleContacts = """
        SELECT u.id, u.username, u.display_name, u.avatar_url, c.status, c.requester_id, c.created_at FROM (
            SELECT user_id_2 AS other_id, status, requester_id, created_at FROM contacts WHERE user_id_1 = $1
            UNION ALL
            SELECT user_id_1 AS other_id, status, requester_id, created_at FROM contacts WHERE user_id_2 = $1
        ) AS c JOIN users AS u ON u.id = c.other_id
        WHERE (c.status IN ('accepted', 'pending') OR c.requester_id = $1) AND NOT u.is_blocked
            AND NOT EXISTS (SELECT 1 FROM blocked_users AS b WHERE b.blocker_id = $1 AND b.blocked_id = c.other_id)
        """

    /// Blocks a user; does nothing when repeated, or for an id that does not exist.
    ///
    /// Parameters: who blocks, whom, the time, how many are too many.
    public static let blockUser = Statement(
        "block_user",
        """
        INSERT INTO blocked_users (blocker_id, blocked_id, created_at)
        SELECT $1, $2, $3
        WHERE EXISTS (SELECT 1 FROM users WHERE id = $2)
            AND (SELECT COUNT(*) FROM blocked_users WHERE blocker_id = $1) < $4
        ON CONFLICT (blocker_id, blocked_id) DO NOTHING
        """)

    /// Withdraws a request that was not accepted; also one that was rejected, because the other could still accept it.
    ///
    /// Parameters: the lower and the higher id of the two, who has asked.
    public static let withdrawContactRequest = Statement(
        "withdraw_contact_request",
        """
        DELETE FROM contacts WHERE user_id_1 = $1 AND user_id_2 = $2 AND requester_id = $3 AND status <> 'accepted'
        """)

    /// Ends a block.
    ///
    /// Parameters: who has blocked, whom.
    public static let unblockUser = Statement(
        "unblock_user", "DELETE FROM blocked_users WHERE blocker_id = $1 AND blocked_id = $2")

    /// Lists the users whom a user has blocked, by id.
    ///
    /// Parameters: the user, the last id of the previous page (the least id for the first page), limit.
    public static let blocksOfUser = Statement(
        "blocks_of_user",
        """
        SELECT u.id, u.username, u.display_name, u.avatar_url
        FROM blocked_users AS b JOIN users AS u ON u.id = b.blocked_id
        WHERE b.blocker_id = $1 AND b.blocked_id > $2
        ORDER BY b.blocked_id
        LIMIT $3
        """)

    /// What prevents a user from blocking another: `has_blocked` already, and the `count` of blocks.
    ///
    /// Parameters: the user, the other.
    public static let blockObstacles = Statement(
        "block_obstacles",
        """
        SELECT EXISTS (SELECT 1 FROM blocked_users WHERE blocker_id = $1 AND blocked_id = $2) AS has_blocked,
            (SELECT COUNT(*) FROM blocked_users WHERE blocker_id = $1) AS count
        """)
}
