import CPostgres
import Primitives

/// The server, database and user of a `postgres://` URL. Never shows the password.
struct PostgreSQLTarget: Sendable, CustomStringConvertible {
    /// The whole URL, for libpq.
    let url: Redacted<String>
    /// Host, port, database and user, for logs.
    let description: String

    /// Checks a URL; throws `invalid` when libpq can't read it.
    init(_ url: String) throws(DatabaseError) {
        self.url = Redacted(url)
        var complaint: UnsafeMutablePointer<CChar>?
        guard let options = unsafe PQconninfoParse(url, &complaint) else {
            // libpq's own message quotes the URL, including the password.
            unsafe PQfreemem(complaint)
            throw DatabaseError(.invalid, "the PostgreSQL URL is malformed: postgres://user:password@host:port/name")
        }
        defer { unsafe PQconninfoFree(options) }
        var shown: [String: String] = [:]
        var next = unsafe options
        while let keyword = unsafe next.pointee.keyword {
            if let value = unsafe next.pointee.val {
                unsafe shown[String(cString: keyword)] = String(cString: value)
            }
            unsafe next += 1
        }
        // libpq finds a wrong port only when it connects, and would then be retried again and again.
        for port in (shown["port"] ?? "").split(separator: ",") where UInt16(port) == nil {
            throw DatabaseError(.invalid, "the PostgreSQL URL has the port \(port): a port is a number up to 65535")
        }
        let (host, port) = (shown["host"] ?? shown["hostaddr"] ?? "local socket", shown["port"] ?? "5432")
        description =
            "\(shown["dbname"] ?? "default database") at \(host), port \(port), as \(shown["user"] ?? "default user")"
    }
}

/// Timeouts and sizes of the PostgreSQL driver; timeouts in milliseconds.
struct PostgreSQLLimits: Sendable {
    /// How long connecting may take.
    var connect = 2000
    /// How long the server may take for a statement before it cancels it.
    var statement = 5000
    /// How long a statement may wait for another transaction's lock.
    var lock = 2000
    /// How long the server may take for one exchange before its connection is considered broken.
    var exchange = 10_000
    /// How long a migration may take, including the wait for another server's.
    var migration = 600_000
    /// How long a unit may wait for its turn, or a reading statement for a connection.
    var wait = 5000
    /// The first pause after a failed attempt to connect; each next one is twice as long.
    var firstPause = 100
    /// The longest pause.
    var longestPause = 2000
    /// How many units share a transaction at most.
    var batch = 512
    /// How many units, and how many reading statements, may be queued.
    var queue = 10_000
}

/// Pauses between attempts, each twice as long as the previous one, up to a maximum.
struct Backoff: Sendable {
    private let first: Int
    private let longest: Int
    private var next: Int

    init(first: Int, longest: Int) {
        (self.first, self.longest, next) = (first, longest, first)
    }

    /// The next pause in milliseconds.
    mutating func pause() -> Int {
        defer { next = min(longest, next * 2) }
        return next
    }

    /// Starts over after a success.
    mutating func reset() {
        next = first
    }
}
