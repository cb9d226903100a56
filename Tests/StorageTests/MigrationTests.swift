import Foundation
import Primitives
import Testing

@testable import Storage

@Suite(.timeLimit(.minutes(1)))
struct MigrationTests {
    @Test func areNumberedUpwards() {
        let numbers = Migration.all.map(\.number)
        #expect(numbers.first == 1)
        #expect(zip(numbers, numbers.dropFirst()).allSatisfy { $0 < $1 })
        for migration in Migration.all {
            for engine in DatabaseEngine.allCases { #expect(!migration.text(for: engine).contains("{")) }
        }
    }

    /// docs/data-model.md has a row for each table.
    @Test func areDescribed() throws {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../docs/data-model.md")
        let rows = try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
        let described = rows.compactMap { $0.prefixMatch(of: /\| `([a-z_]+)` \|/).map { String($0.1) } }
        let texts = ([Migration.bookkeeping] + Migration.all).map(\.text)
        let made = texts.flatMap { $0.matches(of: /CREATE TABLE (?:IF NOT EXISTS )?([a-z_]+)/).map { String($0.1) } }
        #expect(described.sorted() == made.sorted())
    }

    @Test(arguments: DatabaseEngine.tested)
    func areAppliedOnce(_ engine: DatabaseEngine) async throws {
        try await withDatabase(engine, migrated: false) { test in
            #expect(try await test.database.migrate() == Migration.all.map(\.number))
            #expect(try await test.database.migrate() == [])
            let rows = try await test.database.query(.appliedMigrations, [])
            #expect(try rows.map { try $0.integer("number") } == Migration.all.map { Int64($0.number) })
        }
    }

    /// Several servers that start at once on an empty database.
    @Test(arguments: DatabaseEngine.tested)
    func areAppliedByOneOfMany(_ engine: DatabaseEngine) async throws {
        try await withDatabase(engine, migrated: false) { test in
            let applied = try await withThrowingTaskGroup(of: [Int].self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        let database = try test.another()
                        let numbers = try await database.migrate()
                        try await database.prepare(.insertCall)
                        await database.close()
                        return numbers
                    }
                }
                return try await group.reduce(into: [Int]()) { $0 += $1 }
            }
            #expect(applied == Migration.all.map(\.number))
        }
    }

    /// Before an index prevented it, several servers could place several group calls in a conversation.
    @Test(arguments: DatabaseEngine.tested)
    func takeOpenCallsAsTheyAre(_ engine: DatabaseEngine) async throws {
        try await withDatabase(engine, migrated: false) { test in
            let database = test.database
            try await database.migrate(through: 10)
            let (ann, bob) = (try await database.addUser("ann"), try await database.addUser("bob"))
            let (direct, group) = (fresh() as ConversationID, fresh() as ConversationID)
            try await database.addOldConversation(direct, key: "\(ann):\(bob)", by: ann)
            try await database.addOldConversation(group, key: nil, by: ann)
            let calls: [(id: CallID, conversation: ConversationID, mode: String, isGrown: Bool)] = [
                (fresh(0), direct, "direct", false), (fresh(1), direct, "group", true),
                (fresh(2), direct, "group", true),
                (fresh(3), group, "group", false), (fresh(4), group, "group", true), (fresh(5), group, "group", true),
            ]
            for call in calls {
                var values = callValues(call.id, call.conversation, ann, fresh())
                values[4] = .text(call.mode)
                try await database.run(.insertCall, values)
            }
            #expect(try await database.migrate().first == 11)
            let isGrown = Statement("is_call_grown", "SELECT grown FROM calls WHERE id = $1")
            for call in calls {
                let row = try #require(try await database.query(isGrown, [.id(call.id)]).first)
                #expect(try row.boolean("grown") == call.isGrown)
            }
        }
    }

    /// Before places were counted for each user, the line of a hidden call took one, and its conversation began for
    /// both at once.
    @Test(arguments: DatabaseEngine.tested)
    func countWhatIsHiddenAlready(_ engine: DatabaseEngine) async throws {
        try await withDatabase(engine, migrated: false) { test in
            let database = test.database
            try await database.migrate(through: 16)
            let (ann, bob, eve) = (
                try await database.addUser("ann"), try await database.addUser("bob"), try await database.addUser("eve")
            )
            let (used, hidden, heard) = (
                fresh() as ConversationID, fresh() as ConversationID, fresh() as ConversationID
            )
            for (conversation, creator, other) in [(used, eve, ann), (hidden, eve, bob), (heard, ann, bob)] {
                try await database.addOldConversation(conversation, key: "\(creator):\(other)", by: creator, other)
            }
            // Of eve's lines in the conversation with ann, the first, third and fourth are those of hidden calls.
            for seq in 1...5 as ClosedRange<Int64> {
                try await database.addOldLine(
                    seq, in: used, from: eve, to: ann, isHidden: seq != 2 && seq != 5, at: seq * 10)
            }
            try await database.addOldLine(1, in: hidden, from: eve, to: bob, isHidden: true, at: 10)
            try await database.addOldLine(1, in: heard, from: ann, to: bob, isHidden: false, at: 20)
            #expect(try await database.migrate().first == 17)

            func page(of conversation: ConversationID, for user: UserID) async throws -> [[Int64]] {
                let rows = try await database.query(
                    .messagesBefore, [.id(conversation), .integer(.max / 2), .integer(9), .id(user)])
                return try rows.map { [try $0.integer("seq"), try $0.instant("created_at").seconds] }
            }
            #expect(try await page(of: used, for: ann) == [[1, 20], [2, 50]])
            #expect(try await page(of: used, for: eve) == (1...5).map { [$0, $0 * 10] })
            #expect(try await page(of: hidden, for: bob).isEmpty)
            for (user, expected) in [
                (ann, [(used, 20), (heard, 0)]), (eve, [(used, 0), (hidden, 0)]), (bob, [(heard, 20)]),
            ] as [(UserID, [(ConversationID, Int64)])] {
                let place: [SQLValue] = [.instant(moment(1_000_000)), .id(fresh() as ConversationID), .integer(9)]
                let rows = try await database.query(.conversationsOfUser, [.id(user)] + place)
                let found = try rows.map {
                    (try $0.id("id") as ConversationID, try $0.instant("created_at").seconds)
                }
                #expect(found.map(\.0) == expected.map(\.0))
                #expect(found.map(\.1) == expected.map(\.1))
            }
        }
    }

    @Test(arguments: DatabaseEngine.tested)
    func refuseANewerSchema(_ engine: DatabaseEngine) async throws {
        try await withDatabase(engine) { test in
            try await test.database.run(
                .insertAppliedMigration, [.integer(999), .text("future"), .instant(moment(0))])
            let table = Migration(
                number: 1 + (Migration.all.last?.number ?? 0), name: "more",
                text: "CREATE TABLE more (n {integer}){strict}")
            await #expect {
                try await test.database.migrate(with: [table])
            } throws: { error in
                (error as? DatabaseError)?.code == .invalid && "\(error)".contains("999")
            }
            let unprepared = try await code { try await test.database.prepare(Statement("more", "SELECT n FROM more")) }
            #expect(unprepared == .invalid)
        }
    }

    @Test(arguments: DatabaseEngine.tested)
    func failWithoutATrace(_ engine: DatabaseEngine) async throws {
        try await withDatabase(engine) { test in
            let broken = Migration(
                number: 1 + (Migration.all.last?.number ?? 0), name: "broken",
                text: "CREATE TABLE half (n {integer}){strict}; INSERT INTO nowhere VALUES (1)")
            let failed = try await code { try await test.database.migrate(with: [broken]) }
            #expect(failed == .invalid)
            let half = Statement("half", "SELECT n FROM half")
            let unprepared = try await code { try await test.database.prepare(half) }
            #expect(unprepared == .invalid)
            let mended = Migration(
                number: broken.number, name: "mended", text: "CREATE TABLE half (n {integer}){strict}")
            let applied = try await test.database.migrate(with: [mended])
            #expect(applied == [broken.number])
            try await test.database.prepare(half)
        }
    }
}

extension Instant {
    /// Of `moment`.
    fileprivate var seconds: Int64 { (self - moment(0)).microseconds / 1_000_000 }
}

/// What earlier schemas have.
extension Database {
    /// Makes a direct conversation, or without a key a group, with these members.
    fileprivate func addOldConversation(
        _ id: ConversationID, key: String?, by members: UserID...
    ) async throws {
        let conversation = Statement(
            "test_old_conversation",
            """
            INSERT INTO conversations (id, type, direct_key, created_by, created_at, updated_at)
            VALUES ($1, $2, $3, $4, $5, $5)
            """)
        let member = Statement(
            "test_old_member",
            "INSERT INTO conversation_participants (conversation_id, user_id, joined_at) VALUES ($1, $2, $3)")
        let at = SQLValue.instant(moment(0))
        let type = SQLValue.text(key == nil ? "group" : "direct")
        _ = try await commit(
            WriteUnit(
                [Step(conversation, [.id(id), type, .text(key), .id(members[0]), at])]
                    + members.map { Step(member, [.id(id), .id($0), at]) }))
    }

    /// Writes an unanswered call, which ended when it began, and its line.
    fileprivate func addOldLine(
        _ seq: Int64, in conversation: ConversationID, from caller: UserID, to callee: UserID, isHidden: Bool,
        at seconds: Int64
    ) async throws {
        let call: CallID = fresh(seconds)
        let at = SQLValue.instant(moment(seconds))
        var values = callValues(call, conversation, caller, fresh(), at: seconds)
        (values[6], values[11], values[13]) = (.text("missed"), at, .text("no_answer"))
        var steps = [Step(.insertCall, values)]
        for user in [caller, callee] {
            var part = participantValues(call, user, "left", at: seconds)
            part[12] = .boolean(isHidden && user == callee)
            steps.append(Step(.putCallParticipant, part))
        }
        let line = Statement(
            "test_old_line",
            """
            INSERT INTO messages (id, conversation_id, seq, type, body, created_at)
            VALUES ($1, $2, $3, 'system', 'Missed voice call', $4)
            """)
        _ = try await commit(WriteUnit(steps + [Step(line, [.id(call), .id(conversation), .integer(seq), at])]))
    }
}
