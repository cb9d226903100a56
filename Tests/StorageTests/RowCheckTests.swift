import Primitives
import Testing

@testable import Storage

/// Statements that check themselves how many rows they touch.
struct RowCheckTests {
    @Test("A statement checks itself unless its rows mean something")
    func forms() {
        let check = "SELECT 1 / (count(*) = 2)::int FROM"
        let cases: [(text: String, checked: String?)] = [
            ("UPDATE a SET b = $1", "WITH touched AS (UPDATE a SET b = $1 RETURNING 1) \(check) touched"),
            ("DELETE FROM a", "WITH touched AS (DELETE FROM a RETURNING 1) \(check) touched"),
            ("INSERT INTO a VALUES ($1)", "WITH touched AS (INSERT INTO a VALUES ($1) RETURNING 1) \(check) touched"),
            ("SELECT 1 FROM a WHERE b = $1", "\(check) (SELECT 1 FROM a WHERE b = $1) AS found"),
            ("SELECT b FROM a", nil), ("SELECT 1", nil), ("UPDATE a SET b = $1 RETURNING b", nil),
            ("WITH x AS (SELECT 1) SELECT * FROM x", nil),
        ]
        for (text, checked) in cases {
            #expect(Statement("n", text).checking(rows: 2)?.text == checked, "\(text)")
        }
    }

    @Test("Every statement that can check itself is valid on PostgreSQL")
    func validOnPostgreSQL() async throws {
        try await withDatabase(.postgresql) { test in
            for statement in Statement.all {
                guard let checked = statement.checking(rows: 1) else { continue }
                try await test.database.prepare(Statement("checked_\(statement.name)", checked.text))
            }
        }
    }

    @Test("The wrong number of rows fails the step, alone and beside others; a result of rows is kept")
    func wrongNumber() async throws {
        try await withDatabase(.postgresql) { test in
            let database = test.database
            let (node, other): (NodeID, NodeID) = (fresh(), fresh())
            func taking(_ node: NodeID) -> Step {
                Step(.takeLease, [.id(node), .instant(moment(0)), .instant(moment(10))], expectedRows: 1)
            }
            func renewing(_ node: NodeID, epoch: Int64) -> Step {
                let times: [SQLValue] = [.instant(moment(1)), .instant(moment(11))]
                return Step(.renewLease, [.id(node), .integer(epoch)] + times, expectedRows: 1)
            }
            func checking(_ node: NodeID, epoch: Int64) -> Step {
                Step(.nodeInEpoch, [.id(node), .integer(epoch)], expectedRows: 1)
            }
            // This one returns rows, so the count is looked at afterwards.
            let taken = try await database.commit(WriteUnit([taking(node)]))
            #expect(try taken[0].rows[0].integer("epoch") == 1)
            let renewed = try await database.commit(WriteUnit([checking(node, epoch: 1), renewing(node, epoch: 1)]))
            #expect(renewed.map(\.count) == [1, 1])
            let late = try await code {
                _ = try await database.commit(WriteUnit([checking(node, epoch: 1), renewing(node, epoch: 2)]))
            }
            #expect(late == .expectationFailed(step: 1))
            let early = try await code {
                _ = try await database.commit(WriteUnit([checking(node, epoch: 2), renewing(node, epoch: 1)]))
            }
            #expect(early == .expectationFailed(step: 0))
            // In one batch with others, which succeed.
            let units = [WriteUnit([taking(other)])] + (1...8).map { WriteUnit([renewing(node, epoch: $0)]) }
            let outcomes = await withTaskGroup(of: (Int, DatabaseError.Code?).self) { group in
                for (index, unit) in units.enumerated() {
                    group.addTask {
                        do throws(DatabaseError) {
                            _ = try await database.commit(unit)
                            return (index, nil)
                        } catch {
                            return (index, error.code)
                        }
                    }
                }
                return await group.reduce(into: [Int: DatabaseError.Code?]()) { $0[$1.0] = .some($1.1) }
            }
            #expect(outcomes[0] == .some(nil))
            #expect(outcomes[1] == .some(nil))
            for index in 2...8 { #expect(outcomes[index] == .expectationFailed(step: 0)) }
        }
    }
}
