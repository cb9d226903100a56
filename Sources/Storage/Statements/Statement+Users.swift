extension Statement {
    /// Every statement of the product, for the test that both engines understand them.
    public static let all: [Statement] =
        users + passwords + sessions + contacts + blocks + callSettings + conversations + messages + places
        + directMessages + groups + invitations + nominalMembers + quotas + calls + callHistory + nodes + outbox

    private static let users = [
        insertUser, userByUsername, userByID, listUsers, setUserBlocked, searchUsers, touchUser,
        lookalikeName, setNamesToCompare, usersWithoutFoldedName,
    ]

    /// Registers a user. Violates `users_username_key` or `users_email_key` when the name or address is taken.
    ///
    /// Parameters: id, username, email, password_hash, display_name, search_name (the display name's skeleton),
    /// avatar_url, role, created_at (also the updated_at).
    public static let insertUser = Statement(
        "insert_user",
        """
        INSERT INTO users (
            id, username, email, password_hash, display_name, search_name, avatar_url, role, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)
        """)

    /// Finds a user by name, ignoring case, with the password's hash.
    ///
    /// Parameters: username.
    public static let userByUsername = Statement(
        "user_by_username", "SELECT \(userColumns), password_hash FROM users WHERE LOWER(username) = LOWER($1)")

    /// Finds a user.
    ///
    /// Parameters: id.
    public static let userByID = Statement("user_by_id", "SELECT \(userColumns) FROM users WHERE id = $1")

    /// Lists all users by name, page by page.
    ///
    /// Parameters: the last username of the previous page in lower case (empty for the first page), limit.
    public static let listUsers = Statement(
        "list_users",
        """
        SELECT \(userColumns) FROM users
        WHERE LOWER(username) > $1
        ORDER BY LOWER(username)
        LIMIT $2
        """)

    /// Suspends a user, or ends the suspension. Returns the id; no row when there is no such user.
    ///
    /// Parameters: id, is_blocked, updated_at.
    public static let setUserBlocked = Statement(
        "set_user_blocked", "UPDATE users SET is_blocked = $2, updated_at = $3 WHERE id = $1 RETURNING id")

    /// Finds users whose username or display name begins with a text, except the asker and suspended users.
    ///
    /// The comparison is a range up to the prefix followed by the last code point, so the text needs no escapes. Each
    /// of the two kinds of name is a range of its own index, read no further than the limit.
    ///
    /// Parameters: the prefix's skeleton, the asker's id, limit.
    public static let searchUsers = Statement(
        "search_users",
        """
        SELECT id, username, display_name, avatar_url FROM (
            SELECT * FROM (
                SELECT id, username, display_name, avatar_url FROM users
                WHERE search_name >= $1 AND search_name < CAST($1 AS TEXT) || '\u{10FFFF}'
                    AND id <> $2 AND NOT is_blocked
                ORDER BY search_name
                LIMIT $3
            ) AS by_display_name
            UNION
            SELECT * FROM (
                SELECT id, username, display_name, avatar_url FROM users
                WHERE LOWER(username) >= $1 AND LOWER(username) < CAST($1 AS TEXT) || '\u{10FFFF}'
                    AND id <> $2 AND NOT is_blocked
                ORDER BY LOWER(username)
                LIMIT $3
            ) AS by_username
        ) AS found
        ORDER BY LOWER(username)
        LIMIT $3
        """)

    /// Notes when a user was last there; never moves it back.
    ///
    /// Parameters: id, last_seen.
    public static let touchUser = Statement(
        "touch_user", "UPDATE users SET last_seen = $2 WHERE id = $1 AND (last_seen IS NULL OR last_seen < $2)")

    /// Finds a user with another display name that has the same skeleton. Each half is a range of an index that ends at
    /// its first row.
    ///
    /// Parameters: the skeleton, the folded name.
    public static let lookalikeName = Statement(
        "lookalike_name",
        """
        SELECT id FROM users WHERE search_name = $1 AND folded_name < $2
        UNION ALL
        SELECT id FROM users WHERE search_name = $1 AND folded_name > $2
        LIMIT 1
        """)

    /// Stores the forms of a user's display name that are used for search and comparison.
    ///
    /// Parameters: id, search_name (its skeleton), folded_name.
    public static let setNamesToCompare = Statement(
        "set_names_to_compare", "UPDATE users SET search_name = $2, folded_name = $3 WHERE id = $1")

    /// Lists users whose display name was stored by an older version, which did not store its forms.
    ///
    /// Parameters: limit.
    public static let usersWithoutFoldedName = Statement(
        "users_without_folded_name",
        "SELECT id, display_name FROM users WHERE folded_name IS NULL ORDER BY id LIMIT $1")

    private static let userColumns = """
        id, username, email, email_verified_at, display_name, bio, avatar_url, status, role, is_blocked, last_seen, \
        created_at, updated_at
        """
}
