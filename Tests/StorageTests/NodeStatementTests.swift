import Primitives
import Testing

@testable import Storage

@Suite(.timeLimit(.minutes(1)))
struct NodeStatementTests {
    private func take(_ database: any Database, _ node: NodeID, at seconds: Int64) async throws -> Int64 {
        let rows = try await database.run(
            .takeLease, [.id(node), .instant(moment(seconds)), .instant(moment(seconds + 10))]
        ).rows
        return try #require(rows.first).integer("epoch")
    }

    @Test(arguments: DatabaseEngine.tested)
    func eachStartBeginsAnEpoch(_ engine: DatabaseEngine) async throws {
        try await withDatabase(engine) { test in
            let (database, node): (any Database, NodeID) = (test.database, fresh())
            #expect(try await take(database, node, at: 0) == 1)
            #expect(try await take(database, node, at: 5) == 2)
            let values: [SQLValue] = [.id(node), .integer(2), .instant(moment(8)), .instant(moment(18))]
            #expect(try await database.run(.renewLease, values).count == 1)
            let late: [SQLValue] = [.id(node), .integer(1), .instant(moment(9)), .instant(moment(19))]
            #expect(try await database.run(.renewLease, late).count == 0)
            let row = try #require(try await database.query(.nodeByID, [.id(node)]).first)
            #expect(try row.instant("started_at") == moment(5))
            #expect(try row.instant("renewed_at") == moment(8))
            #expect(try row.instant("expires_at") == moment(18))
            #expect(try await database.query(.nodeInEpoch, [.id(node), .integer(1)]).isEmpty)
            #expect(try await database.query(.nodeInEpoch, [.id(node), .integer(2)]).count == 1)
        }
    }

    @Test(arguments: DatabaseEngine.tested)
    func thoseThatHaveGoneAreForgottenAndTheirEpochsAreNot(_ engine: DatabaseEngine) async throws {
        try await withDatabase(engine) { test in
            let database = test.database
            let (ann, bob) = (try await database.addUser("ann"), try await database.addUser("bob"))
            _ = try await database.addCall(in: try await database.addConversation(ann, bob), from: ann, to: bob)
            // The owner of the open call, a dead one, a live one, and a dead one with the greatest epoch.
            let nodes: [NodeID] = [owner, fresh(), fresh(), fresh()]
            for (node, start) in zip(nodes, [Int64(0), 0, 100, 0]) { _ = try await take(database, node, at: start) }
            #expect(try await database.run(.forgetNodes, [.instant(moment(10))]).count == 0)
            #expect(try await database.run(.forgetNodes, [.instant(moment(11))]).count == 1)
            for (node, count) in zip(nodes, [1, 0, 1, 1]) {
                #expect(try await database.query(.nodeByID, [.id(node)]).count == count)
            }
            #expect(try await take(database, nodes[1], at: 200) == 5)
            #expect(try await database.run(.forgetNodes, [.instant(moment(150))]).count == 2)
            #expect(try await take(database, nodes[3], at: 200) == 6)
        }
    }

    @Test(arguments: DatabaseEngine.tested)
    func callsAreTakenFromThoseThatHaveGone(_ engine: DatabaseEngine) async throws {
        try await withDatabase(engine) { test in
            let database = test.database
            let (ann, bob) = (try await database.addUser("ann"), try await database.addUser("bob"))
            let call = try await database.addCall(
                in: try await database.addConversation(ann, bob), from: ann, to: bob)
            _ = try await take(database, owner, at: 0)
            let (second, third): (NodeID, NodeID) = (fresh(), fresh())
            _ = try await take(database, second, at: 0)
            func adopt(_ node: NodeID, _ epoch: Int64, at seconds: Int64) async throws -> Int {
                let values: [SQLValue] = [.id(node), .integer(epoch), .instant(moment(seconds))]
                let listed = try await database.query(.callsToAdopt, values + [.integer(9)])
                let taken = try await database.run(.adoptCall, values + [.id(call)]).count
                #expect(listed.count == taken)
                return taken
            }
            #expect(try await adopt(owner, 1, at: 9) == 0)
            #expect(try await adopt(second, 1, at: 9) == 0)
            #expect(try await adopt(second, 1, at: 10) == 1)
            // A later epoch of the owner takes it at once; a node without a lease owns nothing.
            #expect(try await adopt(third, 1, at: 9) == 0)
            #expect(try await adopt(second, 2, at: 9) == 1)
            #expect(try await adopt(third, 1, at: 10) == 1)
            #expect(try await adopt(owner, 1, at: 9) == 1)
        }
    }
}
