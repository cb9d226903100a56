import Dispatch
import Logging
import Primitives

/// The engine for production: libpq, one committing thread, one for urgent units, and a few reading ones, each with its
/// own connection.
final class PostgreSQLDatabase: Database {
    let engine = DatabaseEngine.postgresql
    let metrics = DatabaseMetrics()

    private let target: PostgreSQLTarget
    private let limits: PostgreSQLLimits
    private let trouble = WriteTrouble()
    private let units: WorkQueue<QueuedUnit>
    private let unitsApart: WorkQueue<QueuedUnit>
    private let readings: WorkQueue<QueuedReading>
    /// The threads stay in the group until they end.
    private let running = DispatchGroup()
    /// Completes refused units, on no caller's thread.
    private let turnedAway = DispatchQueue(label: "ringback.storage.postgresql.turned-away")
    /// Migrations block the thread that they run on.
    private let migrating = DispatchQueue(label: "ringback.storage.postgresql.migrating")

    /// Starts the threads, which connect by themselves; while the server is unreachable, only calls fail.
    init(_ target: PostgreSQLTarget, readers: Int, limits: PostgreSQLLimits, logger: Logger) {
        self.target = target
        self.limits = limits
        units = WorkQueue(limit: limits.queue)
        unitsApart = WorkQueue(limit: limits.queue)
        readings = WorkQueue(limit: limits.queue)
        for (name, queue) in [("pg-commit", units), ("pg-apart", unitsApart)] {
            start(name) { [self] in
                PostgreSQLCommitter(
                    link: PostgreSQLLink(target, .writing, limits, metrics, logger), queue: queue, metrics: metrics,
                    completions: Completions("ringback.storage.\(name)", metrics: metrics, trouble: trouble),
                    limits: limits
                ).commitUntilClosed()
            }
        }
        for number in 1...max(1, readers) {
            start("pg-read-\(number)") { [self] in
                PostgreSQLReader(
                    link: PostgreSQLLink(target, .reading, limits, metrics, logger), queue: readings, limits: limits
                ).readUntilClosed()
            }
        }
    }

    /// Begins work that goes on until the database is closed.
    ///
    /// On a queue, whose thread stays for a while afterwards. A thread that ends while the process exits can free what
    /// the TLS library of libpq frees at the same moment.
    private func start(_ name: String, _ work: @escaping @Sendable () -> Void) {
        running.enter()
        DispatchQueue(label: "ringback.storage.\(name)").async { [running] in
            work()
            running.leave()
        }
    }

    func enqueue(_ unit: WriteUnit, completion: @escaping @Sendable (Result<[StepResult], DatabaseError>) -> Void) {
        hand(QueuedUnit(unit, completion), to: units)
    }

    func enqueueApart(
        _ unit: WriteUnit, completion: @escaping @Sendable (Result<[StepResult], DatabaseError>) -> Void
    ) {
        hand(QueuedUnit(unit, completion), to: unitsApart)
    }

    private func hand(_ entry: QueuedUnit, to queue: WorkQueue<QueuedUnit>) {
        metrics.queued.add(1)
        guard let refusal = queue.append(entry) else { return }
        metrics.queued.add(-1)
        metrics.failures.add()
        turnedAway.async { entry.completion(.failure(refusal)) }
    }

    /// Not `now()`, which is the start of the transaction.
    func present() async throws(DatabaseError) -> Instant {
        let step = Step(Statement("present", "SELECT clock_timestamp() AS present"), [])
        guard let row = try await commitApart(WriteUnit([step])).first?.rows.first else {
            throw DatabaseError(.invalid, "the server does not say what time it is")
        }
        return try row.instant("present")
    }

    func query(_ statement: Statement, _ values: [SQLValue]) async throws(DatabaseError) -> [Row] {
        let result = await read(.run(Step(statement, values)))
        switch result {
        case .success: metrics.reads.add()
        case .failure: metrics.readFailures.add()
        }
        return try result.get()
    }

    func prepare(_ statement: Statement) async throws(DatabaseError) {
        _ = try await read(.prepare(statement)).get()
    }

    func ping() async throws(DatabaseError) {
        _ = try await query(Statement("ping", "SELECT 1"), [])
        try trouble.check()
    }

    private func read(_ task: QueuedReading.Task) async -> Result<[Row], DatabaseError> {
        await withCheckedContinuation { continuation in
            let reading = QueuedReading(task: task, since: .now) { continuation.resume(returning: $0) }
            if let refusal = readings.append(reading) { continuation.resume(returning: .failure(refusal)) }
        }
    }

    @discardableResult
    func migrate() async throws(DatabaseError) -> [Int] {
        try await migrate(Migration.all)
    }

    /// Applies the missing migrations.
    func migrate(_ migrations: [Migration]) async throws(DatabaseError) -> [Int] {
        let result = await withCheckedContinuation { continuation in
            migrating.async { [self] in
                let migrator = PostgreSQLMigrator(target: target, limits: limits)
                continuation.resume(returning: migrator.apply(migrations))
            }
        }
        return try result.get()
    }

    func close() async {
        units.close()
        unitsApart.close()
        readings.close()
        await withCheckedContinuation { continuation in
            running.notify(queue: turnedAway) { continuation.resume() }
        }
    }
}
