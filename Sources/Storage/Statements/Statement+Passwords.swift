extension Statement {
    static let passwords = [updatePasswordHash, highestPasswordCost]

    /// Replaces a password's hash if it is still the one that the writer knew.
    ///
    /// Parameters: id, the old password_hash, the new one, updated_at.
    public static let updatePasswordHash = Statement(
        "update_password_hash",
        "UPDATE users SET password_hash = $3, updated_at = $4 WHERE id = $1 AND password_hash = $2")

    /// Finds the highest cost among the stored bcrypt hashes, as two digits; null when there is none. Reads every user.
    ///
    /// Parameters: none.
    public static let highestPasswordCost = Statement(
        "highest_password_cost",
        "SELECT MAX(SUBSTR(password_hash, 5, 2)) AS cost FROM users WHERE LENGTH(password_hash) = 60")
}
