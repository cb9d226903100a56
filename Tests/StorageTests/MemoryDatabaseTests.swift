import Primitives
import Testing

@testable import Storage

@Suite("A database in memory")
struct MemoryDatabaseTests {
    private static func node(_ id: NodeID, _ seconds: Int64 = 0) -> Step {
        Step(.takeLease, [.id(id), .instant(moment(seconds)), .instant(moment(seconds + 10))], expectedRows: 1)
    }

    @Test("It has the whole schema and carries out every statement that the one on disk does")
    func schema() throws {
        let database = try MemoryDatabase()
        for migration in Migration.all {
            let rows = try database.query(.appliedMigrations, [])
            #expect(try rows.contains { try $0.integer("number") == Int64(migration.number) })
        }
        #expect(try database.query(.callByID, [.id(fresh() as CallID)]).isEmpty)
    }

    @Test("A unit is carried out as a whole or not at all, and says why not, as on disk")
    func units() throws {
        let database = try MemoryDatabase()
        let (first, second): (NodeID, NodeID) = (fresh(), fresh())
        let results = try database.commit(WriteUnit([Self.node(first), Self.node(second)])).get()
        #expect(try results.map { try $0.rows[0].integer("epoch") } == [1, 2])
        let late = Step(
            .renewLease, [.id(first), .integer(7), .instant(moment(1)), .instant(moment(2))], expectedRows: 1)
        let failed = database.commit(WriteUnit([Self.node(first, 5), late]))
        #expect(throws: DatabaseError.self) { try failed.get() }
        if case .failure(let error) = failed { #expect(error.code == .expectationFailed(step: 1)) }
        #expect(try database.query(.nodeInEpoch, [.id(first), .integer(1)]).count == 1)
        let orphan = database.commit(
            WriteUnit([Step(.insertScreenShare, [.id(fresh() as CallID), .id(fresh() as UserID), .instant(moment(0))])])
        )
        if case .failure(let error) = orphan { #expect(error.code == .constraint("foreign_key")) }
        #expect(throws: DatabaseError.self) { try database.query(.takeLease, [.id(first), .null, .null]) }
    }

    @Test("What was written since the beginning can be taken back, again and again")
    func takenBack() throws {
        let database = try MemoryDatabase()
        let (kept, lost): (NodeID, NodeID) = (fresh(), fresh())
        _ = try database.commit(WriteUnit([Self.node(kept)])).get()
        for _ in 0..<3 {
            try database.begin()
            _ = try database.commit(WriteUnit([Self.node(lost)])).get()
            #expect(try database.query(.nodeByID, [.id(lost)]).count == 1)
            try database.takeBack()
            #expect(try database.query(.nodeByID, [.id(lost)]).isEmpty)
            #expect(try database.query(.nodeByID, [.id(kept)]).count == 1)
        }
    }
}
