import CPostgres
import Primitives

/// Whether a server, a database and a user are what the program needs. Checked before anything else is done: otherwise
/// the first user who sends a message would find out.
struct PostgreSQLRequirements {
    /// The oldest supported version: the statements need 13, and older ones get no more fixes.
    private static let oldestVersion = 13
    /// How often two connections are compared; a busy pooler may keep them apart by chance.
    private static let poolerTries = 5

    let connection: PostgreSQLConnection
    let target: PostgreSQLTarget
    let limits: PostgreSQLLimits

    /// Throws `invalid`, in words for the operator, when the server or the database is unsuitable, or when a pooler in
    /// front of it gives each transaction another session.
    func check() throws {
        try checkSessions()
        let row = try one(
            """
            SELECT current_setting('server_version_num') AS version, current_setting('server_version') AS version_name,
                pg_encoding_to_char(d.encoding) AS encoding, current_setting('transaction_read_only') AS read_only,
                pg_is_in_recovery()::text AS standby, COALESCE(current_schema(), '') AS schema
            FROM pg_database AS d WHERE d.datname = current_database()
            """)
        let version = Int(try row.integer("version")) / 10_000
        guard version >= Self.oldestVersion else {
            throw Self.unfit(
                "the server is PostgreSQL \(try row.text("version_name")); it needs to be \(Self.oldestVersion) or newer"
            )
        }
        let encoding = try row.text("encoding")
        guard encoding == "UTF8" else {
            throw Self.unfit("its encoding is \(encoding); make a database with ENCODING 'UTF8'")
        }
        guard try row.text("standby") == "false" else {
            throw Self.unfit("the server is a standby, which can only be read; give the address of the primary")
        }
        guard try row.text("read_only") == "off" else {
            throw Self.unfit("it can only be read: default_transaction_read_only is on")
        }
        guard try !row.text("schema").isEmpty else {
            throw Self.unfit("there is no schema that the user may use; search_path names none")
        }
    }

    /// Whether there is a table or an index with this name.
    func exists(_ name: String) throws -> Bool {
        try one("SELECT (to_regclass('\(name)') IS NOT NULL)::text AS found").text("found") == "true"
    }

    /// Throws `invalid` when the user may not create tables.
    func checkMayMakeTables() throws {
        let row = try one(
            "SELECT has_schema_privilege(current_schema(), 'CREATE')::text AS may, current_schema() AS name")
        guard try row.text("may") == "true" else {
            throw Self.unfit(
                "the user may not make tables in the schema \(try row.text("name")): GRANT CREATE is needed")
        }
    }

    /// Throws `invalid` when the user may not read and write one of these tables.
    func checkMayUse(_ tables: [String]) throws {
        let rows = try rows(
            """
            SELECT name FROM unnest(string_to_array('\(tables.joined(separator: ","))', ',')) AS name
            WHERE to_regclass(name) IS NULL OR NOT (
                has_table_privilege(to_regclass(name), 'SELECT') AND has_table_privilege(to_regclass(name), 'INSERT')
                AND has_table_privilege(to_regclass(name), 'UPDATE') AND has_table_privilege(to_regclass(name), 'DELETE'))
            ORDER BY name
            """)
        guard let first = rows.first else { return }
        throw Self.unfit(
            "the user may not read and write the table \(try first.text("name")): "
                + "GRANT SELECT, INSERT, UPDATE, DELETE is needed")
    }

    /// Prepared statements, settings and locks belong to a session. A pooler that takes away the session after each
    /// transaction takes them away, too, and gives the settings of one client to another.
    ///
    /// A pooler is recognized by its process id, which is made up. It gives each transaction another session if a
    /// second connection gets the session of the first one, or if the session of the first one changes while the second
    /// one is in a transaction or after it.
    private func checkSessions() throws {
        let session = try Self.session(of: connection, limits)
        guard unsafe session != String(PQbackendPID(connection.handle)) else { return }
        let other = try PostgreSQLConnection(target, .migrating, limits)
        for _ in 0..<Self.poolerTries {
            let answers: [PostgreSQLConnection.Answer]
            do throws(ConnectionLost) {
                answers = try other.exchange(
                    [.text("BEGIN"), .text(Self.sessionQuery)], milliseconds: limits.exchange)
            } catch {
                // PgBouncer's message before it ends the connection.
                if error.message.contains("statement pooling mode") { throw Self.pooled }
                throw error
            }
            guard case .success(let answer) = answers[1], let row = answer.rows.first else { throw Self.pooled }
            let isShared = try row.text("session") == session
            let isChanged = try Self.session(of: connection, limits) != session
            _ = try other.exchange([.text("ROLLBACK")], milliseconds: limits.exchange)
            // The session that was released last is the first to be given out again.
            let isExchanged = try Self.session(of: connection, limits) != session
            if isShared || isChanged || isExchanged { throw Self.pooled }
        }
    }

    private static let sessionQuery = "SELECT pg_backend_pid()::text AS session"
    private static let pooled = unfit(
        "a connection pooler gives each transaction another session; connect to the server itself, "
            + "or set the pooler's pool_mode to session")

    private static func session(of connection: PostgreSQLConnection, _ limits: PostgreSQLLimits) throws -> String {
        let answer = try connection.exchange([.text(sessionQuery)], milliseconds: limits.exchange)[0].get()
        guard let row = answer.rows.first else { throw pooled }
        return try row.text("session")
    }

    private func one(_ query: String) throws -> Row {
        guard let row = try rows(query).first else { throw Self.unfit("the server does not say what it is") }
        return row
    }

    private func rows(_ query: String) throws -> [Row] {
        try connection.exchange([.text(query)], milliseconds: limits.exchange)[0].get().rows
    }

    private static func unfit(_ words: String) -> DatabaseError {
        DatabaseError(.invalid, "this PostgreSQL database can't be used: \(words)")
    }
}
