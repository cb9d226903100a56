import Primitives
import Testing

@testable import Storage

@Suite(.timeLimit(.minutes(1)))
struct MessageStatementTests {
    @Test(arguments: DatabaseEngine.tested)
    func aRepeatIsTheSameMessage(_ engine: DatabaseEngine) async throws {
        try await withDatabase(engine) { test in
            let database = test.database
            let (ann, bob) = (try await database.addUser("ann"), try await database.addUser("bob"))
            let eve = try await database.addUser("eve")
            let conversation = try await database.addConversation(ann, bob)
            #expect(try await database.addConversation(bob, ann) == conversation)
            let name: RequestID = fresh()
            let first = try await database.send("hello", name, from: ann, to: conversation)
            #expect(try first[0].rows.map { try $0.integer("last_seq") } == [1])
            #expect(try first[1].rows.map { try $0.integer("seq") } == [1])
            #expect(Set(try first[2].rows.map { try $0.id("user_id") as UserID }) == [ann, bob])
            // The same again, the same client id from somebody else, and somebody who may not write there.
            let again = try await database.send("hello again", name, from: ann, to: conversation)
            #expect(again.prefix(2).map(\.count) == [0, 0])
            let other = try await database.send("hi", name, from: bob, to: conversation)
            #expect(try other[1].rows.map { try $0.integer("seq") } == [2])
            let foreign = try await database.send("psst", from: eve, to: conversation)
            #expect(foreign.prefix(2).map(\.count) == [0, 0])
            let stored = try #require(
                try await database.query(.earlierMessage, [.id(ann), .id(name), .id(fresh() as MessageID)]).first)
            #expect(try stored.text("body") == "hello")
            #expect(try stored.integer("seq") == 1)
            #expect(try await database.query(.isConversationMember, [.id(conversation), .id(eve)]).isEmpty)
            #expect(try await database.query(.isConversationMember, [.id(conversation), .id(bob)]).count == 1)
        }
    }

    /// Two servers, four senders, every message sent to both servers at once.
    @Test(arguments: DatabaseEngine.tested)
    func placesHaveNoGaps(_ engine: DatabaseEngine) async throws {
        try await withDatabase(engine) { test in
            let (database, other) = (test.database, try test.another())
            let (ann, bob) = (try await database.addUser("ann"), try await database.addUser("bob"))
            let conversation = try await database.addConversation(ann, bob)
            let sent = Counter()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for task in 0..<8 {
                    group.addTask {
                        for index in 0..<25 {
                            let (sender, name): (UserID, RequestID) = (task.isMultiple(of: 2) ? ann : bob, fresh())
                            async let one = outcome(
                                database, sending("\(task).\(index)", name, from: sender, to: conversation))
                            async let two = outcome(
                                other, sending("\(task).\(index)", name, from: sender, to: conversation))
                            let outcomes = try await [one, two]
                            // One of them stored it; the other found it, or collided with it.
                            #expect(outcomes.count { $0 == .stored } == 1)
                            sent.add()
                        }
                    }
                }
                try await group.waitForAll()
            }
            await other.close()
            let rows = try await database.query(
                .messagesBefore, [.id(conversation), .integer(.max / 2), .integer(1000), .id(ann)])
            #expect(try rows.map { try $0.integer("seq") } == Array(1...200))
            #expect(sent.value == 200)
            let state = try #require(
                try await database.query(
                    .conversationByDirectKey, [.text("\(min(ann, bob)):\(max(ann, bob))"), .id(ann)]
                )
                .first)
            #expect(try state.integer("last_seq") == 200)
        }
    }

    private enum Outcome {
        case stored
        case known
    }

    private func outcome(_ database: any Database, _ unit: WriteUnit) async throws -> Outcome {
        do {
            let results = try await database.commit(unit)
            #expect(results[0].count == results[1].count)
            return results[1].count == 1 ? .stored : .known
        } catch {
            #expect(error.code == .constraint("messages_sender_id_client_message_id_key"))
            return .known
        }
    }

    @Test(arguments: DatabaseEngine.tested)
    func historyComesInPages(_ engine: DatabaseEngine) async throws {
        try await withDatabase(engine) { test in
            let database = test.database
            let (ann, bob) = (try await database.addUser("ann"), try await database.addUser("bob", displayName: "Bob"))
            let conversation = try await database.addConversation(ann, bob)
            for index in 1...7 {
                _ = try await database.send("m\(index)", from: bob, to: conversation, at: Int64(index))
            }
            func page(before seq: Int64, _ limit: Int64) async throws -> [String] {
                let rows = try await database.query(
                    .messagesBefore, [.id(conversation), .integer(seq), .integer(limit), .id(ann)])
                return try rows.map { "\(try $0.text("body")) \(try $0.text("display_name"))" }
            }
            #expect(try await page(before: .max / 2, 3) == ["m5 Bob", "m6 Bob", "m7 Bob"])
            #expect(try await page(before: 5, 3) == ["m2 Bob", "m3 Bob", "m4 Bob"])
            #expect(try await page(before: 2, 3) == ["m1 Bob"])
        }
    }

    @Test func historyIsAnIndexRangeScan() async throws {
        try await withDatabase(.sqlite) { test in
            let explain = Statement("explain", "EXPLAIN QUERY PLAN \(Statement.messagesBefore.text)")
            let rows = try await test.database.query(
                explain, [.id(fresh() as ConversationID), .integer(1), .integer(1), .id(fresh() as UserID)])
            let plan = try rows.map { try $0.text("detail") }.joined(separator: "\n")
            #expect(plan.contains("SEARCH m USING INDEX messages_conversation_id_seq_key (conversation_id=? AND seq"))
            #expect(!plan.contains("SCAN m"))
        }
    }

    @Test(arguments: DatabaseEngine.tested)
    func conversationsComeByRecentUse(_ engine: DatabaseEngine) async throws {
        try await withDatabase(engine) { test in
            let database = test.database
            let ann = try await database.addUser("ann")
            var conversations: [ConversationID] = []
            for index in 0..<4 {
                let friend = try await database.addUser("friend\(index)")
                conversations.append(try await database.addConversation(ann, friend, at: Int64(index)))
            }
            // The oldest is used again.
            _ = try await database.send("news", from: ann, to: conversations[0], at: 100)
            func page(_ used: Instant, _ id: ConversationID) async throws -> ([Row], [Row]) {
                let values: [SQLValue] = [.id(ann), .instant(used), .id(id), .integer(2)]
                return (
                    try await database.query(.conversationsOfUser, values),
                    try await database.query(.membersOfConversationsOfUser, values)
                )
            }
            let (first, members) = try await page(moment(1_000_000), conversations[0])
            #expect(try first.map { try $0.id("id") } == [conversations[0], conversations[3]])
            #expect(try first.map { try $0.textIfAny("message_body") } == ["news", nil])
            #expect(members.count == 4)
            #expect(
                Set(try members.map { try $0.id("conversation_id") as ConversationID })
                    == [conversations[0], conversations[3]])
            let last = try #require(first.last)
            let (second, _) = try await page(try last.instant("used_at"), try last.id("id"))
            #expect(try second.map { try $0.id("id") } == [conversations[2], conversations[1]])
            #expect(try await database.query(.membersOfConversation, [.id(conversations[1])]).count == 2)
        }
    }

    /// A message stays when the row of its sender's account is deleted.
    @Test(arguments: DatabaseEngine.tested)
    func messagesOutliveTheirSenders(_ engine: DatabaseEngine) async throws {
        try await withDatabase(engine) { test in
            let database = test.database
            let (ann, bob) = (try await database.addUser("ann"), try await database.addUser("bob"))
            let conversation = try await database.addConversation(ann, bob)
            _ = try await database.send("still here", from: ann, to: conversation)
            try await database.run(
                Statement("delete_user", "DELETE FROM users WHERE id = $1"), [.id(ann)], expectedRows: 1)
            let row = try #require(
                try await database.query(
                    .messagesBefore, [.id(conversation), .integer(.max / 2), .integer(9), .id(ann)]
                )
                .first)
            #expect(try row.text("body") == "still here")
            #expect(try row.idIfAny("sender_id") as UserID? == nil)
        }
    }
}
