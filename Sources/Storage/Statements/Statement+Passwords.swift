extension Statement {
    static let passwords = [updatePasswordHash]

    /// Replaces a password's hash if it is still the one that the writer knew.
    ///
    /// Parameters: id, the old password_hash, the new one, updated_at.
    public static let updatePasswordHash = Statement(
        "update_password_hash",
        "UPDATE users SET password_hash = $3, updated_at = $4 WHERE id = $1 AND password_hash = $2")
}
