/// An error as the server reports it, without the fields that quote values (DETAIL, CONTEXT).
struct PostgreSQLError: Equatable {
    /// The five characters of SQLSTATE (PostgreSQL manual, appendix A).
    var state: String
    /// `ERROR`, `FATAL` or `PANIC`.
    var severity: String
    /// The primary message.
    var message: String
    /// Which constraint was violated.
    var constraint: String?

    /// Whether the connection is unusable.
    func needsNewConnection(_ role: PostgreSQLConnection.Role) -> Bool {
        if severity == "FATAL" || severity == "PANIC" { return true }
        switch state {
        // The server has lost a prepared statement, or a migration has changed what it returns.
        case "26000": return true
        case "0A000": return message.hasPrefix("cached plan")
        // The server has become a standby: another address of the URL may lead to the primary.
        case Self.readOnly: return role != .reading
        default: return false
        }
    }

    /// Our error.
    /// - Parameter statement: What was run, by its name.
    func databaseError(statement: String?) -> DatabaseError {
        // Messages of the class "data exception" quote the offending value.
        let words = state.hasPrefix("22") ? "a value does not fit (SQLSTATE \(state))" : message
        var error = DatabaseError(code, statement.map { "\($0): \(words)" } ?? words)
        error.state = state
        error.blocksWrites = Self.blocksWrites(state)
        return error
    }

    /// Whether no write can succeed: the disk is full or broken, or the server is read-only.
    static func blocksWrites(_ state: String) -> Bool {
        state == readOnly || state == "53100" || state.hasPrefix("58")
    }

    /// A division by zero: the statement touched the wrong number of rows, see `Statement.checking(rows:)`.
    static let wrongCount = "22012"

    fileprivate static let readOnly = "25006"

    fileprivate static let deadlock = "40P01"
    fileprivate static let waits: Set = ["55P03", "57014"]

    private var code: DatabaseError.Code {
        switch state {
        case "23503", "23001":
            return .constraint("foreign_key")
        case "23505", "23514", "23P01":
            return .constraint(constraint ?? "unknown")
        // Serialization failure, deadlock, lock or statement timeout.
        case "40001", "40P01", "55P03", "57014":
            return .unavailable
        default:
            // Insufficient resources (a full disk), operator intervention, system error.
            return ["53", "57", "58"].contains(state.prefix(2)) ? .unavailable : .invalid
        }
    }
}

extension DatabaseError {
    /// Whether two transactions waited for each other and this one was chosen to fail; a retry may succeed.
    var isDeadlock: Bool { state == PostgreSQLError.deadlock }

    /// Whether a statement that checks it has touched another number of rows than expected.
    var isWrongCount: Bool { state == PostgreSQLError.wrongCount }

    /// Whether the statement took too long, by itself or because it waited for a lock.
    var isWait: Bool { state.map(PostgreSQLError.waits.contains) ?? false }
}
