import GRDB

extension SQLiteStatements {
    /// Our error for SQLite's, with the constraint's name if the schema has to be asked for it.
    func databaseError(_ error: any Error, _ statement: Statement, on connection: GRDB.Database) -> DatabaseError {
        guard
            let error = error as? GRDB.DatabaseError,
            let columns = error.message?.wholeMatch(of: /UNIQUE constraint failed: ([^']+)/)?.1
        else { return Self.databaseError(error, statement) }
        let name = (try? Self.uniqueIndex(of: columns, on: connection)) ?? String(columns)
        return DatabaseError(.constraint(name), "\(statement.name): \(error.message ?? "")")
    }

    /// Our error for SQLite's.
    /// - Parameter statement: What was run; nil for the frame of a transaction.
    static func databaseError(_ error: any Error, _ statement: Statement?) -> DatabaseError {
        // A read that ended with its task.
        if error is CancellationError { return DatabaseError(.unavailable, "the task was cancelled") }
        guard let error = error as? GRDB.DatabaseError else {
            return error as? DatabaseError ?? DatabaseError(.invalid, "\(error)")
        }
        // The message names tables and columns; the values are elsewhere in the error, and not copied.
        let message = error.message ?? "\(error.resultCode)"
        var ours = DatabaseError(
            code(error.extendedResultCode, message), statement.map { "\($0.name): \(message)" } ?? message)
        ours.blocksWrites = blockWrites.contains(error.resultCode)
        return ours
    }

    private static let blockWrites: [ResultCode] = [
        .SQLITE_FULL, .SQLITE_IOERR, .SQLITE_READONLY, .SQLITE_CANTOPEN, .SQLITE_CORRUPT, .SQLITE_NOTADB,
    ]

    private static func code(_ code: ResultCode, _ message: String) -> DatabaseError.Code {
        if message.hasPrefix("FOREIGN KEY constraint failed") { return .constraint("foreign_key") }
        if let name = message.wholeMatch(of: /CHECK constraint failed: (.+)/)?.1 { return .constraint(String(name)) }
        if let name = message.wholeMatch(of: /UNIQUE constraint failed: index '(.+)'/)?.1 {
            return .constraint(String(name))
        }
        switch code.primaryResultCode {
        case .SQLITE_BUSY, .SQLITE_LOCKED, .SQLITE_FULL, .SQLITE_IOERR, .SQLITE_NOMEM, .SQLITE_CANTOPEN,
            .SQLITE_READONLY, .SQLITE_PROTOCOL, .SQLITE_INTERRUPT, .SQLITE_CORRUPT, .SQLITE_NOTADB, .SQLITE_ABORT:
            return .unavailable
        case .SQLITE_MISUSE where message.hasPrefix("Connection is closed"):
            return .unavailable
        default:
            return .invalid
        }
    }

    /// The name of the unique index over columns that SQLite reports as `table.column, table.column`.
    private static func uniqueIndex(of columns: Substring, on connection: GRDB.Database) throws -> String? {
        let paths = columns.split(separator: ", ").map { $0.split(separator: ".") }
        guard let table = paths.first?.first, paths.allSatisfy({ $0.count == 2 }) else { return nil }
        let names = paths.map { String($0[1]) }
        let indexes = try GRDB.Row.fetchAll(
            connection, sql: #"SELECT name, origin FROM pragma_index_list(?) WHERE "unique" ORDER BY name"#,
            arguments: [String(table)])
        for index in indexes {
            let (name, origin): (String, String) = (index["name"], index["origin"])
            let members = try String?.fetchAll(
                connection, sql: "SELECT name FROM pragma_index_info(?) ORDER BY seqno", arguments: [name])
            if members == names { return origin == "pk" ? "\(table)_pkey" : name }
        }
        // A table's key that is its row id has no index.
        return "\(table)_pkey"
    }
}
