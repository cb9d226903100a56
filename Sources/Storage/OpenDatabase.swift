public import Logging

/// Opens the database that a URL names.
///
/// - `sqlite:PATH`: a file of the embedded engine; it and its directory are created if missing.
/// - `postgres://USER:PASSWORD@HOST:PORT/NAME`, `postgresql://…`: any URL that libpq reads. The server need not be
///   reachable yet: until it is, calls fail as `unavailable`.
///
/// The schema is left as it is; see `Database.migrate()`.
///
/// - Parameters:
///   - url: Which database. Its password is never shown.
///   - readers: How many reading statements run in parallel, at least 1.
///   - logger: Told when a connection is lost and when it is back.
/// - Throws: `invalid` for a URL of another kind, `unavailable` when the file can't be opened.
public func openDatabase(
    _ url: String, readers: Int = 4, logger: Logger = Logger(label: "ringback.storage")
) throws(DatabaseError) -> any Database {
    switch try DatabaseURL(url) {
    case .sqlite(let path):
        try SQLiteDatabase(path: path, readers: readers)
    case .postgresql(let target):
        PostgreSQLDatabase(target, readers: readers, limits: PostgreSQLLimits(), logger: logger)
    }
}

/// The parsed URL of a database.
enum DatabaseURL {
    case sqlite(path: String)
    case postgresql(PostgreSQLTarget)

    /// Parses a URL; throws `invalid`, without quoting it, for an unknown kind.
    init(_ url: String) throws(DatabaseError) {
        if url.hasPrefix("postgres://") || url.hasPrefix("postgresql://") {
            self = .postgresql(try PostgreSQLTarget(url))
        } else if url.hasPrefix("sqlite:") {
            let path = String(url.dropFirst("sqlite:".count))
            guard !path.isEmpty, path != ":memory:" else {
                throw DatabaseError(.invalid, "the SQLite URL needs the path of a file: sqlite:PATH")
            }
            guard !path.hasPrefix("//") || path.hasPrefix("///") else {
                throw DatabaseError(.invalid, "the SQLite URL has no host: sqlite:PATH")
            }
            self = .sqlite(path: path)
        } else {
            throw DatabaseError(.invalid, "the database URL must begin with sqlite: or postgres://")
        }
    }
}
