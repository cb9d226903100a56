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

    /// Before there was an index against it, several servers could place several group calls in a conversation.
    @Test(arguments: DatabaseEngine.tested)
    func takeOpenCallsAsTheyAre(_ engine: DatabaseEngine) async throws {
        try await withDatabase(engine, migrated: false) { test in
            let database = test.database
            try await database.migrate(through: 10)
            let (ann, bob) = (try await database.addUser("ann"), try await database.addUser("bob"))
            let (direct, group) = (try await database.addConversation(ann, bob), fresh() as ConversationID)
            let insertGroup = Statement(
                "insert_group_for_a_test",
                "INSERT INTO conversations (id, type, created_at, updated_at) VALUES ($1, 'group', $2, $2)")
            try await database.run(insertGroup, [.id(group), .instant(moment(0))])
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
