import Primitives
import Storage
import Synchronization

/// A real database whose next answers to units are replaced by an error: before the unit is carried out, as when another
/// server was faster, or after it, as when the connection broke while it was being committed.
struct FaultyDatabase: Database {
    enum Fault: Sendable {
        case before(DatabaseError.Code)
        case after(DatabaseError.Code)
    }

    let real: any Database
    private let faults: Faults

    private final class Faults: Sendable {
        let list = Mutex<[Fault]>([])
    }

    init(_ real: any Database) {
        self.real = real
        faults = Faults()
    }

    var engine: DatabaseEngine { real.engine }
    var metrics: DatabaseMetrics { real.metrics }

    /// Whether every fault has been met.
    var isSpent: Bool { faults.list.withLock { $0.isEmpty } }

    func fail(_ faults: Fault...) {
        self.faults.list.withLock { $0 += faults }
    }

    func enqueue(_ unit: WriteUnit, completion: @escaping @Sendable (Result<[StepResult], DatabaseError>) -> Void) {
        let fault = faults.list.withLock { $0.isEmpty ? nil : $0.removeFirst() }
        switch fault {
        case .before(let code):
            // An empty unit keeps the place in the queue.
            real.enqueue(WriteUnit([])) { _ in completion(.failure(DatabaseError(code, "for a test"))) }
        case .after(let code):
            real.enqueue(unit) { _ in completion(.failure(DatabaseError(code, "for a test"))) }
        case nil:
            real.enqueue(unit, completion: completion)
        }
    }

    func query(_ statement: Statement, _ values: [SQLValue]) async throws(DatabaseError) -> [Row] {
        try await real.query(statement, values)
    }

    func migrate() async throws(DatabaseError) -> [Int] { try await real.migrate() }
    func ping() async throws(DatabaseError) { try await real.ping() }
    func prepare(_ statement: Statement) async throws(DatabaseError) { try await real.prepare(statement) }
    func close() async { await real.close() }
}
