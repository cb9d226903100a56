import Primitives
import Testing

@testable import Storage

@Suite(.timeLimit(.minutes(1)))
struct CallStatementTests {
    @Test(arguments: DatabaseEngine.tested)
    func aCallLivesThroughItsStates(_ engine: DatabaseEngine) async throws {
        try await withDatabase(engine) { test in
            let database = test.database
            let (ann, bob) = (try await database.addUser("ann"), try await database.addUser("bob"))
            let conversation = try await database.addConversation(ann, bob)
            let (name, device): (RequestID, DeviceID) = (fresh(), fresh())
            let call = try await database.addCall(in: conversation, from: ann, to: bob, name: name)
            func update(
                _ revision: Int64, _ status: String, ended: Instant? = nil, reason: String? = nil,
                by writer: NodeID = owner, epoch: Int64 = 1
            ) -> Step {
                Step(
                    .updateCall,
                    [
                        .id(call), .integer(revision), .integer(revision + 1), .text("group"), .text(status),
                        .text("peer"), .instant(moment(10)), .instant(ended), .null, .text(reason), .boolean(true),
                        .id(writer), .integer(epoch),
                    ], expectedRows: 1)
            }
            let joined: [SQLValue] = [
                .id(call), .instant(moment(0)), .id(bob), .text("connected"), .instant(moment(10)), .null, .null,
                .id(device), .null,
                .boolean(true), .text("co_host"), .instant(moment(1)), .boolean(false), .text("member"),
            ]
            let share: [SQLValue] = [.id(call), .id(bob), .instant(moment(11))]
            _ = try await database.commit(
                WriteUnit([
                    update(1, "ongoing"), Step(.putCallParticipant, joined, expectedRows: 1),
                    Step(.insertScreenShare, share, expectedRows: 1),
                ]))
            // A writer that knows an older revision no longer owns the call.
            let stale = try await code { _ = try await database.commit(WriteUnit([update(1, "ongoing")])) }
            #expect(stale == .expectationFailed(step: 0))
            // The same holds for another node, and for an earlier or later process of the owner.
            for intruder in [update(2, "ongoing", by: fresh()), update(2, "ongoing", epoch: 2)] {
                let refused = try await code { _ = try await database.commit(WriteUnit([intruder])) }
                #expect(refused == .expectationFailed(step: 0))
            }

            let mine: [SQLValue] = [.id(owner), .integer(1)]
            let open = try #require(try await database.query(.openCalls, mine).first)
            #expect(try open.id("id") == call)
            #expect(try open.integer("revision") == 2)
            #expect(try open.instantIfAny("answered_at") == moment(10))
            #expect(try open.text("mode") == "group")
            #expect(try open.boolean("locked"))
            #expect(try await database.query(.participantsOfOpenCalls, mine).count == 2)
            #expect(try await database.query(.screenSharesOfOpenCalls, mine).count == 1)
            #expect(try await database.query(.screenSharesOfCall, [.id(call)]).count == 1)
            let people = try await database.query(.participantsOfCall, [.id(call)])
            let second = try #require(try people.first { try $0.id("user_id") == bob })
            #expect(try second.text("status") == "connected")
            #expect(try second.idIfAny("device_id") == device)
            #expect(try second.boolean("polite"))
            #expect(try second.text("role") == "co_host")
            #expect(try second.instantIfAny("rung_at") == moment(1))
            #expect(try !second.boolean("hidden"))
            #expect(try second.text("username") == "bob")

            let close: [SQLValue] = [.id(call), .id(bob), .instant(moment(20)), .text("call_ended")]
            _ = try await database.commit(
                WriteUnit([
                    update(2, "completed", ended: moment(20), reason: "hangup"),
                    Step(.closeScreenShare, close, expectedRows: 1),
                ]))
            #expect(try await database.run(.closeScreenShare, close).count == 0)
            for statement in [Statement.openCalls, .participantsOfOpenCalls, .screenSharesOfOpenCalls] {
                #expect(try await database.query(statement, mine).isEmpty)
            }
            let ended = try #require(try await database.query(.callByClientID, [.id(ann), .id(name)]).first)
            #expect(try ended.text("end_reason") == "hangup")
            #expect(try await database.query(.callByID, [.id(call)]) == [ended])
            // The conversation is free for the next one, and the sharer may share again.
            _ = try await database.addCall(in: conversation, from: bob, to: ann, at: 30)
            #expect(try await database.run(.insertScreenShare, share).count == 1)
        }
    }

    @Test(arguments: DatabaseEngine.tested)
    func historyComesNewestFirst(_ engine: DatabaseEngine) async throws {
        try await withDatabase(engine) { test in
            let database = test.database
            let ann = try await database.addUser("ann")
            var calls: [CallID] = []
            for index in 0..<5 {
                let friend = try await database.addUser("friend\(index)")
                let conversation = try await database.addConversation(ann, friend)
                // Two started at the same moment: the id decides.
                calls.append(
                    try await database.addCall(
                        in: conversation, from: friend, to: ann, at: Int64(index == 3 ? 2 : index)))
            }
            let expected = [calls[4]] + [calls[2], calls[3]].sorted(by: >) + [calls[1], calls[0]]
            var (found, cursor): ([CallID], (Instant, CallID)) = ([], (moment(1_000_000), calls[0]))
            for _ in 0..<3 {
                let values: [SQLValue] = [.id(ann), .instant(cursor.0), .id(cursor.1), .integer(2), .null, .null]
                let page = try await database.query(CallPageStatements.ofUser.calls, values)
                let people = try await database.query(CallPageStatements.ofUser.participants, values)
                #expect(people.count == page.count * 2)
                found += try page.map { try $0.id("id") }
                if let last = page.last { cursor = (try last.instant("started_at"), try last.id("id")) }
            }
            #expect(found == expected)
        }
    }
}
