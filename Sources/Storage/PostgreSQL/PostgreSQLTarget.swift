import CPostgres
import Primitives

/// Which server and database, and as whom: what stands in a `postgres://` URL. Never shows the password.
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
            // libpq's own words quote the URL, password and all.
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
        // libpq finds a wrong port only when it connects, and would then be asked again and again.
        for port in (shown["port"] ?? "").split(separator: ",") where UInt16(port) == nil {
            throw DatabaseError(.invalid, "the PostgreSQL URL has the port \(port): a port is a number up to 65535")
        }
        let (host, port) = (shown["host"] ?? shown["hostaddr"] ?? "local socket", shown["port"] ?? "5432")
        description =
            "\(shown["dbname"] ?? "default database") at \(host), port \(port), as \(shown["user"] ?? "default user")"
    }
}

/// Times and sizes of the PostgreSQL driver, in milliseconds where they are times.
struct PostgreSQLLimits: Sendable {
    /// How long making a connection may take.
    var connect = 2000
    /// How long the server may take for a statement before it gives it up.
    var statement = 5000
    /// How long a statement may wait for another's lock.
    var lock = 2000
    /// How long the server may take for one exchange before its connection is taken for broken.
    var exchange = 10_000
    /// How long a migration may take, waiting for another server's included.
    var migration = 600_000
    /// How long a unit may wait for its turn, and a reading statement for a connection.
    var wait = 5000
    /// The first pause after a connection could not be made; each next one is twice as long.
    var firstPause = 100
    /// The longest pause.
    var longestPause = 2000
    /// How many units share a transaction at most.
    var batch = 512
    /// How many units, and how many reading statements, may be queued.
    var queue = 10_000
}

/// Pauses between tries, each twice as long as the one before, up to a longest one.
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

    /// Begins anew after a success.
    mutating func reset() {
        next = first
    }
}
