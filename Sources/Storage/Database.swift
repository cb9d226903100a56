public import Primitives

/// The durable storage of the server: one interface, two engines.
///
/// Units are written completely and durably or not at all; reads see committed data. Units are committed in the order
/// in which they were enqueued, many of them sharing one transaction and one flush to disk.
public protocol Database: Sendable {
    /// Which engine this is.
    var engine: DatabaseEngine { get }

    /// Its metrics.
    var metrics: DatabaseMetrics { get }

    /// Queues a unit for the group committer and returns at once. Units of one caller keep their order.
    ///
    /// - Parameter completion: Called once, on a thread of the database, in the order of the units: with a result for
    ///   each step when the unit is on disk, else with the reason why it is not. Only
    ///   `DatabaseError.Code.outcomeUnknown` leaves open whether the unit was carried out. A unit that is refused at
    ///   once (the queue is full, the database is unreachable or closed) may be completed before earlier ones.
    func enqueue(_ unit: WriteUnit, completion: @escaping @Sendable (Result<[StepResult], DatabaseError>) -> Void)

    /// Commits a unit separately: it does not wait for the queue or, on PostgreSQL, for a transaction that is stuck.
    /// For units that others wait for, like the renewal of a lease; its order among other units is not kept.
    ///
    /// - Parameter completion: As with `enqueue`.
    func enqueueApart(
        _ unit: WriteUnit, completion: @escaping @Sendable (Result<[StepResult], DatabaseError>) -> Void)

    /// The current time of the one clock that all servers on the database can read: that of its server, or of the
    /// machine.
    func present() async throws(DatabaseError) -> Instant

    /// Runs one reading statement against the committed state. A statement that would change something is `invalid`.
    func query(_ statement: Statement, _ values: [SQLValue]) async throws(DatabaseError) -> [Row]

    /// Brings the schema up to date under a lock, so that several servers may start at the same time.
    /// - Returns: The numbers of the migrations that were applied.
    @discardableResult
    func migrate() async throws(DatabaseError) -> [Int]

    /// Asks the database to respond; throws `unavailable` when it does not, or when it could not write lately
    /// (`DatabaseError.blocksWrites`).
    func ping() async throws(DatabaseError)

    /// Prepares a statement without running it, for the test that every statement is valid on every engine.
    func prepare(_ statement: Statement) async throws(DatabaseError)

    /// Commits what is queued, then closes every connection. Later calls fail as `unavailable`.
    func close() async
}

/// The engines there are.
public enum DatabaseEngine: String, Sendable, CaseIterable {
    /// The embedded default.
    case sqlite
    /// For production.
    case postgresql
}

extension Database {
    /// Commits a unit and waits until it is durable.
    public func commit(_ unit: WriteUnit) async throws(DatabaseError) -> [StepResult] {
        let result = await withCheckedContinuation { continuation in
            enqueue(unit) { continuation.resume(returning: $0) }
        }
        return try result.get()
    }

    /// Commits a unit separately, and waits until it is durable.
    public func commitApart(_ unit: WriteUnit) async throws(DatabaseError) -> [StepResult] {
        let result = await withCheckedContinuation { continuation in
            enqueueApart(unit) { continuation.resume(returning: $0) }
        }
        return try result.get()
    }
}

/// Changes that are carried out together or not at all.
public struct WriteUnit: Sendable, Equatable {
    /// The statements in their order.
    public var steps: [Step]

    /// Makes a unit.
    public init(_ steps: [Step]) {
        self.steps = steps
    }
}

/// One statement of a unit and its values.
public struct Step: Sendable, Equatable {
    /// What to run.
    public var statement: Statement
    /// One value for each parameter, `$1` first.
    public var values: [SQLValue]
    /// How many rows the step must change or return; with any other number the whole unit fails as `expectationFailed`
    /// and leaves no trace. Nil allows any number. With an expectation a `SELECT 1 FROM …` only checks: PostgreSQL returns
    /// no rows of it.
    public var expectedRows: Int?

    /// Makes a step.
    public init(_ statement: Statement, _ values: [SQLValue], expectedRows: Int? = nil) {
        self.statement = statement
        self.values = values
        self.expectedRows = expectedRows
    }
}

/// The result of a step.
public struct StepResult: Sendable, Equatable {
    /// The returned rows (`SELECT`, `RETURNING`).
    public var rows: [Row]
    /// How many rows it changed, or returned if it changes none.
    public var count: Int

    /// Makes a result.
    public init(rows: [Row], count: Int) {
        self.rows = rows
        self.count = count
    }
}

/// A parameterised SQL text for both engines, with a name for logs and for the prepared statement.
///
/// Parameters are `$1`, `$2`, … and may be used more than once. The text contains no value, no `now()`, and nothing
/// that only one engine knows.
public struct Statement: Sendable, Hashable {
    /// Unique among all statements, in snake case.
    public let name: String
    /// The SQL.
    public let text: String

    /// Declares a statement.
    public init(_ name: String, _ text: String) {
        self.name = name
        self.text = text
    }
}

/// A value bound to a parameter.
public enum SQLValue: Sendable, Hashable {
    case null
    case integer(Int64)
    case boolean(Bool)
    case text(String)
    case uuid(high: UInt64, low: UInt64)
    case instant(Instant)

    /// An id.
    public static func id<Kind>(_ id: Identifier<Kind>) -> SQLValue {
        .uuid(high: id.high, low: id.low)
    }

    /// An id, or NULL.
    public static func id<Kind>(_ id: Identifier<Kind>?) -> SQLValue {
        id.map { .uuid(high: $0.high, low: $0.low) } ?? .null
    }

    /// A moment, or NULL.
    public static func instant(_ instant: Instant?) -> SQLValue {
        instant.map { .instant($0) } ?? .null
    }

    /// A text, or NULL.
    public static func text(_ text: String?) -> SQLValue {
        text.map { .text($0) } ?? .null
    }
}

/// Why the database did not do what was requested.
public struct DatabaseError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What a caller can act upon.
    public enum Code: Sendable, Equatable {
        /// There is no connection, or no room in the queue; nothing was changed. Try again.
        case unavailable
        /// The connection broke while the unit was being committed: it may be on disk or not. Read before trying again.
        case outcomeUnknown
        /// It violates a uniqueness, foreign key or check constraint of this name; nothing was changed.
        case constraint(String)
        /// The step of this index changed or returned another number of rows than expected; nothing was changed.
        case expectationFailed(step: Int)
        /// The statement or a value is wrong, or a row does not have the expected shape: a bug in the program.
        case invalid
    }

    /// What a caller can act upon.
    public var code: Code
    /// The engine's own message, for logs. Contains no bound values.
    public var message: String
    /// The five characters of SQLSTATE (PostgreSQL manual, appendix A), if PostgreSQL gave them.
    var state: String?
    /// Whether it makes every write impossible: a full disk, or a read-only database.
    public internal(set) var blocksWrites = false

    /// Makes an error.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The code and the engine's message.
    public var description: String { "\(code): \(message)" }
}
