import NIOConcurrencyHelpers
public import Primitives
public import Storage

/// A real database whose next answers to units are replaced by an error: before the unit is carried out, as when
/// another server was faster, or after it, as when the connection broke during the commit.
public struct FaultyDatabase: Database {
    /// What goes wrong with one unit.
    public enum Fault: Sendable {
        /// It fails and leaves no trace.
        case before(DatabaseError.Code)
        /// It is carried out but seems to have failed.
        case after(DatabaseError.Code)
    }

    private let real: any Database
    private let faults: Faults

    private final class Faults: Sendable {
        let list = NIOLockedValueBox<[Fault]>([])
        let isAway = NIOLockedValueBox(false)
        let prelude = NIOLockedValueBox<(@Sendable (WriteUnit) -> Void)?>(nil)
    }

    /// Puts faults before a database.
    public init(_ real: any Database) {
        self.real = real
        faults = Faults()
    }

    /// As the real one's.
    public var engine: DatabaseEngine { real.engine }
    /// As the real one's.
    public var metrics: DatabaseMetrics { real.metrics }

    /// Whether every fault has occurred.
    public var isSpent: Bool { faults.list.withLockedValue { $0.isEmpty } }

    /// Makes the next units meet these faults, one each; units that count quotas meet none.
    public func fail(_ faults: Fault...) {
        self.faults.list.withLockedValue { $0 += faults }
    }

    /// Makes everything fail as unavailable, or work again. Faults take precedence.
    public func setAway(_ isAway: Bool) {
        faults.isAway.withLockedValue { $0 = isAway }
    }

    /// Runs a closure each time a unit is passed in, before it is carried out.
    public func beforeEach(_ body: @escaping @Sendable (WriteUnit) -> Void) {
        faults.prelude.withLockedValue { $0 = body }
    }

    private var isAway: Bool { faults.isAway.withLockedValue { $0 } }

    /// As the real one's, unless a fault is due.
    public func enqueue(
        _ unit: WriteUnit, completion: @escaping @Sendable (Result<[StepResult], DatabaseError>) -> Void
    ) {
        hand(unit, to: real.enqueue, completion)
    }

    /// As the real one's, unless a fault is due.
    public func enqueueApart(
        _ unit: WriteUnit, completion: @escaping @Sendable (Result<[StepResult], DatabaseError>) -> Void
    ) {
        hand(unit, to: real.enqueueApart, completion)
    }

    private typealias Completion = @Sendable (Result<[StepResult], DatabaseError>) -> Void

    private func hand(
        _ unit: WriteUnit, to enqueue: (WriteUnit, @escaping Completion) -> Void, _ completion: @escaping Completion
    ) {
        faults.prelude.withLockedValue { $0 }?(unit)
        let isCount = unit.steps.last?.statement == .takeFromQuota
        let fault = faults.list.withLockedValue { $0.isEmpty || isCount ? nil : $0.removeFirst() }
        switch fault {
        case .before(let code):
            // An empty unit keeps the place in the queue.
            enqueue(WriteUnit([])) { _ in completion(.failure(DatabaseError(code, "for a test"))) }
        case .after(let code):
            enqueue(unit) { _ in completion(.failure(DatabaseError(code, "for a test"))) }
        case nil where isAway:
            enqueue(WriteUnit([])) { _ in completion(.failure(DatabaseError(.unavailable, "away for a test"))) }
        case nil:
            enqueue(unit, completion)
        }
    }

    /// As the real one's.
    public func present() async throws(DatabaseError) -> Instant {
        if isAway { throw DatabaseError(.unavailable, "away for a test") }
        return try await real.present()
    }

    /// As the real one's.
    public func query(_ statement: Statement, _ values: [SQLValue]) async throws(DatabaseError) -> [Row] {
        if isAway { throw DatabaseError(.unavailable, "away for a test") }
        return try await real.query(statement, values)
    }

    /// As the real one's.
    public func migrate() async throws(DatabaseError) -> [Int] { try await real.migrate() }
    /// As the real one's.
    public func ping() async throws(DatabaseError) { try await real.ping() }
    /// As the real one's.
    public func prepare(_ statement: Statement) async throws(DatabaseError) { try await real.prepare(statement) }
    /// As the real one's.
    public func close() async { await real.close() }
}
