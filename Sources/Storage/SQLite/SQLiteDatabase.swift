import Dispatch
import Foundation
import GRDB
import Glibc
import Primitives

/// The embedded engine: one file in WAL mode, one committing thread, and reading connections.
final class SQLiteDatabase: Database {
    let engine = DatabaseEngine.sqlite
    let metrics = DatabaseMetrics()
    let trouble = WriteTrouble()

    let pool: DatabasePool
    let queue: WorkQueue<QueuedUnit>
    let statements = SQLiteStatements()
    let completions: Completions
    /// How long a unit may wait for its turn.
    let longestWait: Duration
    /// The committing thread stays in the group until it ends.
    private let running = DispatchGroup()
    /// Completes refused units, on no caller's thread.
    private let turnedAway = DispatchQueue(label: "ringback.storage.sqlite.turned-away")

    /// Opens a file, or creates it and its directory, readable only by their owner.
    /// - Parameters:
    ///   - path: Where the file is.
    ///   - readers: How many reading statements run in parallel.
    ///   - queueLimit: How many units may wait.
    ///   - longestWait: How long each of them may.
    init(
        path: String, readers: Int, queueLimit: Int = 10_000, longestWait: Duration = .seconds(10)
    ) throws(DatabaseError) {
        queue = WorkQueue(limit: queueLimit)
        completions = Completions("ringback.storage.sqlite.completions", metrics: metrics, trouble: trouble)
        self.longestWait = longestWait
        do {
            // An absolute path is never treated as a URI.
            let file = URL(fileURLWithPath: path)
            try Self.makeFile(file)
            pool = try Self.openPool(file.path, readers: readers)
        } catch {
            throw DatabaseError(.unavailable, "can't open \(path): \(Self.words(of: error))")
        }
        running.enter()
        let committer = Thread { [self] in
            commitUntilClosed()
            running.leave()
        }
        committer.name = "sqlite-commit"
        committer.start()
    }

    /// The message of an error that occurred while opening.
    private static func words(of error: any Error) -> String {
        (error as? GRDB.DatabaseError)?.message ?? (error as? DatabaseError)?.message ?? "no permission"
    }

    private static func makeFile(_ file: URL) throws {
        let directory = file.deletingLastPathComponent()
        if !FileManager.default.fileExists(atPath: directory.path) {
            try FileManager.default.createDirectory(
                at: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        }
        // SQLite gives its own files beside it the same mode.
        let descriptor = unsafe Glibc.open(file.path, O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw CocoaError(.fileWriteNoPermission) }
        Glibc.close(descriptor)
    }

    private static func openPool(_ path: String, readers: Int) throws -> DatabasePool {
        var configuration = Configuration()
        configuration.foreignKeysEnabled = true
        configuration.busyMode = .timeout(5)
        configuration.maximumReaderCount = max(1, readers)
        configuration.persistentReadOnlyConnections = true
        configuration.label = "ringback"
        let pool = try openWhenFree(path, configuration)
        try pool.writeWithoutTransaction { connection in
            // TRAP: DatabasePool lowers `synchronous` to NORMAL when it sets up WAL: a commit would survive the
            // process but not the power.
            try connection.execute(sql: "PRAGMA synchronous = FULL")
            for (name, wanted) in [("synchronous", "2"), ("journal_mode", "wal"), ("foreign_keys", "1")] {
                let value = try GRDB.Row.fetchOne(connection, sql: "PRAGMA \(name)")?[0] as DatabaseValue?
                guard value.map({ "\($0.storage.value ?? "")" }) == wanted else {
                    throw DatabaseError(.invalid, "PRAGMA \(name) is not \(wanted)")
                }
            }
        }
        return pool
    }

    /// Opens the pool. Changing to WAL takes a lock for which SQLite does not wait, so when two open a new file at once
    /// one of them has to try again.
    private static func openWhenFree(_ path: String, _ configuration: Configuration) throws -> DatabasePool {
        for _ in 0..<50 {
            do {
                return try DatabasePool(path: path, configuration: configuration)
            } catch let error as GRDB.DatabaseError where error.resultCode == .SQLITE_BUSY {
                Thread.sleep(forTimeInterval: 0.05)
            }
        }
        return try DatabasePool(path: path, configuration: configuration)
    }

    func enqueue(_ unit: WriteUnit, completion: @escaping @Sendable (Result<[StepResult], DatabaseError>) -> Void) {
        hand(QueuedUnit(unit, completion), to: queue.append)
    }

    /// SQLite has one writer: the unit comes before everything queued, and waits for the current transaction.
    func enqueueApart(
        _ unit: WriteUnit, completion: @escaping @Sendable (Result<[StepResult], DatabaseError>) -> Void
    ) {
        hand(QueuedUnit(unit, completion), to: queue.prepend)
    }

    private func hand(_ entry: QueuedUnit, to queue: (QueuedUnit) -> DatabaseError?) {
        metrics.queued.add(1)
        guard let refusal = queue(entry) else { return }
        metrics.queued.add(-1)
        metrics.failures.add()
        turnedAway.async { entry.completion(.failure(refusal)) }
    }

    /// All processes that share the file are on this machine.
    func present() async throws(DatabaseError) -> Instant { .ofSystemClock }

    func query(_ statement: Statement, _ values: [SQLValue]) async throws(DatabaseError) -> [Row] {
        do {
            // One statement sees one snapshot anyway, so no transaction is needed around it.
            let rows = try await pool.unsafeRead { [statements] connection in
                try statements.read(Step(statement, values), on: connection)
            }
            metrics.reads.add()
            return rows
        } catch {
            metrics.readFailures.add()
            throw SQLiteStatements.databaseError(error, statement)
        }
    }

    func prepare(_ statement: Statement) async throws(DatabaseError) {
        do {
            try await pool.writeWithoutTransaction { [statements] connection in
                _ = try connection.makeStatement(sql: statements.text(of: statement))
            }
        } catch {
            throw SQLiteStatements.databaseError(error, statement)
        }
    }

    func ping() async throws(DatabaseError) {
        _ = try await query(Statement("ping", "SELECT 1"), [])
        try trouble.check()
    }

    func close() async {
        queue.close()
        await withCheckedContinuation { continuation in
            running.notify(queue: turnedAway) { continuation.resume() }
        }
        await withCheckedContinuation { continuation in
            turnedAway.async { [self] in
                // It can only fail because it is already closed.
                try? pool.close()
                continuation.resume()
            }
        }
    }
}

/// A unit on its way to the disk.
struct QueuedUnit: Sendable {
    let unit: WriteUnit
    let completion: @Sendable (Result<[StepResult], DatabaseError>) -> Void
    /// When it was queued.
    let since = ContinuousClock.now

    init(_ unit: WriteUnit, _ completion: @escaping @Sendable (Result<[StepResult], DatabaseError>) -> Void) {
        self.unit = unit
        self.completion = completion
    }
}

extension [QueuedUnit] {
    /// Removes units that have waited for too long: their callers have given up, and if the database is stuck the queue
    /// would only grow.
    mutating func removeStale(after wait: Duration) -> [QueuedUnit] {
        let now = ContinuousClock.now
        // The oldest is first, except for those that were put before it.
        guard contains(where: { $0.since.duration(to: now) >= wait }) else { return [] }
        let stale = filter { $0.since.duration(to: now) >= wait }
        removeAll { $0.since.duration(to: now) >= wait }
        return stale
    }
}
