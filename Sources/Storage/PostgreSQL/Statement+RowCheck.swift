// A statement that must touch a number of rows checks that itself, so that COMMIT can be sent with it: waiting for the
// count first would cost a round trip and two more hand-overs between threads.
extension Statement {
    /// The same, as a statement that fails with `PostgreSQLError.wrongCount` when it touches another number of rows. It
    /// returns one row that means nothing. Nil for a statement whose rows mean something: one with `RETURNING`, or a
    /// `SELECT` of anything but the constant 1.
    func checking(rows: Int) -> Statement? {
        let check = "SELECT 1 / (count(*) = \(rows))::int FROM"
        if text.hasPrefix("SELECT 1 FROM ") { return Statement(name, "\(check) (\(text)) AS found") }
        guard ["INSERT", "UPDATE", "DELETE"].contains(where: text.hasPrefix), !text.contains("RETURNING") else {
            return nil
        }
        return Statement(name, "WITH touched AS (\(text) RETURNING 1) \(check) touched")
    }
}
