import Foundation
import NIOConcurrencyHelpers
import Primitives
import Testing

@testable import Storage

/// What every engine has to do in the same way.
@Suite(.timeLimit(.minutes(1)))
struct DatabaseTests {
    @Test(.enabled(if: testPostgreSQL != nil, "RINGBACK_TEST_POSTGRES names no cluster: no test runs on PostgreSQL"))
    func everyTestRunsOnBothEngines() async throws {
        #expect(DatabaseEngine.tested == DatabaseEngine.allCases)
        try await withDatabase(.postgresql) { try await $0.database.ping() }
    }

    @Test(arguments: DatabaseEngine.tested)
    func understandsEveryStatement(_ engine: DatabaseEngine) async throws {
        #expect(Set(Statement.all.map(\.name)).count == Statement.all.count)
        try await withDatabase(engine) { test in
            for statement in Statement.all + [.appliedMigrations, .insertAppliedMigration] {
                try await test.database.prepare(statement)
            }
            let wrong = Statement("wrong", "SELECT nothing FROM nowhere")
            #expect(try await code { try await test.database.prepare(wrong) } == .invalid)
        }
    }

    /// A statement missing from `Statement.all` would not be tested on any engine.
    @Test func allStatementsAreListed() throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../Sources/Storage/Statements").standardizedFileURL
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        var names: Set<String> = []
        for file in files where file.pathExtension == "swift" {
            let text = try String(contentsOf: file, encoding: .utf8)
            names.formUnion(text.matches(of: /= Statement\(\s*"([a-z_]+)"/).map { String($0.1) })
        }
        // Each of these makes three statements.
        for page in [CallPageStatements.ofUser, .missedByUser, .ofConversation] {
            names.formUnion([page.calls, page.participants, page.shares].map(\.name))
        }
        // One for each number of participants.
        names.formUnion(Statement.putCallParticipants.map(\.name))
        #expect(names == Set(Statement.all.map(\.name)))
    }

    @Test(arguments: DatabaseEngine.tested)
    func tellsWhatEachStepDid(_ engine: DatabaseEngine) async throws {
        try await withDatabase(engine) { test in
            let (one, two) = (try await test.database.addUser("one"), try await test.database.addUser("two"))
            let all = Statement("block_all", "UPDATE users SET is_blocked = $1")
            let returning = Statement("return_all", "UPDATE users SET bio = $1 RETURNING username")
            let select = Statement("select_blocked", "SELECT username FROM users WHERE is_blocked ORDER BY username")
            let results = try await test.database.commit(
                WriteUnit([
                    Step(all, [.boolean(true)], expectedRows: 2), Step(returning, [.text("x")]), Step(select, []),
                    Step(.touchUser, [.id(fresh() as UserID), .instant(moment(9))], expectedRows: 0),
                ]))
            #expect(results.map(\.count) == [2, 2, 2, 0])
            #expect(try results[2].rows.map { try $0.text("username") } == ["one", "two"])
            let row = try #require(try await test.database.query(.userByID, [.id(two)]).first)
            #expect(try row.boolean("is_blocked"))
            #expect(try row.id("id") == two && one != two)
            #expect(test.database.metrics.commits.value == 3)
        }
    }

    @Test(arguments: DatabaseEngine.tested)
    func completesInOrderAndSharesTransactions(_ engine: DatabaseEngine) async throws {
        try await withDatabase(engine) { test in
            let user = try await test.database.addUser("busy")
            let before = test.database.metrics.batches.value
            let order = NIOLockedValueBox<[Int]>([])
            await withCheckedContinuation { continuation in
                for index in 0..<2000 {
                    let values: [SQLValue] = [.id(user), .instant(moment(Int64(index)))]
                    test.database.enqueue(WriteUnit([Step(.touchUser, values, expectedRows: 1)])) { result in
                        if case .failure(let error) = result { Issue.record(error) }
                        let isLast = order.withLockedValue {
                            $0.append(index)
                            return $0.count == 2000
                        }
                        if isLast { continuation.resume() }
                    }
                }
            }
            #expect(order.withLockedValue { $0 } == Array(0..<2000))
            #expect(test.database.metrics.batches.value - before < 1000)
            #expect(test.database.metrics.queued.value == 0)
        }
    }

    @Test(arguments: DatabaseEngine.tested)
    func failedExpectationLeavesNoTrace(_ engine: DatabaseEngine) async throws {
        try await withDatabase(engine) { test in
            let user = try await test.database.addUser("one")
            let unit = WriteUnit([
                Step(.setUserBlocked, [.id(user), .boolean(true), .instant(moment(1))], expectedRows: 1),
                Step(.touchUser, [.id(fresh() as UserID), .instant(moment(1))], expectedRows: 1),
            ])
            let failed = try await code { _ = try await test.database.commit(unit) }
            #expect(failed == .expectationFailed(step: 1))
            let row = try #require(try await test.database.query(.userByID, [.id(user)]).first)
            #expect(try !row.boolean("is_blocked"))
        }
    }

    /// Units that are queued together and partly fail: each gets its own outcome, and the successful ones are kept.
    @Test(arguments: DatabaseEngine.tested)
    func badUnitsFailAlone(_ engine: DatabaseEngine) async throws {
        try await withDatabase(engine) { test in
            let user = try await test.database.addUser("taken")
            func unit(_ index: Int) -> WriteUnit {
                let name = index % 10 == 3 ? "Taken" : "user\(index)"
                let insert: [SQLValue] = [
                    .id(fresh() as UserID), .text(index % 10 == 7 ? "nul\0" : name), .null, .null, .text(name),
                    .text(name), .null, .text("user"), .instant(moment(0)),
                ]
                let expected = index % 10 == 5 ? 2 : 1
                return WriteUnit([
                    Step(.insertUser, insert),
                    Step(.touchUser, [.id(user), .instant(moment(Int64(index) + 1))], expectedRows: expected),
                ])
            }
            let outcomes = NIOLockedValueBox<[Int: DatabaseError.Code?]>([:])
            await withCheckedContinuation { continuation in
                for index in 0..<300 {
                    test.database.enqueue(unit(index)) { result in
                        let isLast = outcomes.withLockedValue {
                            if case .failure(let error) = result {
                                $0[index] = .some(error.code)
                            } else {
                                $0[index] = .some(nil)
                            }
                            return $0.count == 300
                        }
                        if isLast { continuation.resume() }
                    }
                }
            }
            let (found, batches) = (outcomes.withLockedValue { $0 }, test.database.metrics.batches.value)
            for index in 0..<300 {
                let expected: DatabaseError.Code? =
                    switch index % 10 {
                    case 3: .constraint("users_username_key")
                    case 5: .expectationFailed(step: 1)
                    case 7: .invalid
                    default: nil
                    }
                #expect(found[index] == .some(expected), "unit \(index)")
            }
            let names = try await test.database.query(.listUsers, [.text(""), .integer(1000)])
            #expect(names.count == 211)
            #expect(batches < 150)
        }
    }

    @Test(arguments: DatabaseEngine.tested)
    func keepsValuesAsTheyAre(_ engine: DatabaseEngine) async throws {
        let table = Migration(
            number: 1 + (Migration.all.last?.number ?? 0), name: "samples",
            text: """
                CREATE TABLE samples (id {uuid} NOT NULL CONSTRAINT samples_pkey PRIMARY KEY, number {integer},
                    truth {boolean} NOT NULL, words {key}, at {timestamp}, day {date}, extra {json}){strict}
                """)
        let insert = Statement(
            "insert_sample", "INSERT INTO samples (id, number, truth, words, at) VALUES ($1, $2, $3, $4, $5)")
        // Parameters out of order, and one used twice.
        let find = Statement(
            "find_sample",
            "SELECT * FROM samples WHERE id = $2 AND ($1 = words OR (words IS NULL AND $1 = '')) AND id = $2")
        let texts: [String?] = [
            nil, "", "'; DROP TABLE samples; --", "\\x00 \\' \" $1 ?1 {uuid}", "Grüße 👩‍👩‍👧‍👦 e\u{301} \u{10FFFF}", "\r\n\t",
            String(repeating: "long ", count: 40_000), "NULL", "%_",
        ]
        let instants: [Instant?] = [
            nil, Instant(microseconds: 0), Instant(microseconds: -1), Instant(microseconds: .max),
            Instant(microseconds: -210_866_803_200_000_000), Instant(microseconds: 1_795_233_147_123_456),
            Instant(microseconds: -62_135_596_800_000_001),
        ]
        try await withDatabase(engine) { test in
            try await test.database.migrate(with: [table])
            for (index, text) in texts.enumerated() {
                let id: RequestID = fresh()
                let number: Int64? = [nil, 0, -1, .max, .min][index % 5]
                let instant = instants[index % instants.count]
                try await test.database.run(
                    insert,
                    [
                        .id(id), number.map { .integer($0) } ?? .null, .boolean(index.isMultiple(of: 2)), .text(text),
                        .instant(instant),
                    ])
                let rows = try await test.database.query(find, [.text(text ?? ""), .id(id)])
                let row = try #require(rows.first)
                #expect(try row.id("id") == id)
                #expect(try row.integerIfAny("number") == number)
                #expect(try row.boolean("truth") == index.isMultiple(of: 2))
                #expect(try row.textIfAny("words") == text)
                #expect(try row.instantIfAny("at") == instant)
            }
        }
    }

    @Test(arguments: DatabaseEngine.tested)
    func refusesWhatItCanNotDo(_ engine: DatabaseEngine) async throws {
        try await withDatabase(engine) { test in
            let database = test.database
            let user = try await database.addUser("one")
            let now = SQLValue.instant(moment(1))
            // Too few values, a text for a number, a change in a read, a NUL.
            #expect(try await code { try await database.run(.touchUser, [.id(user)]) } == .invalid)
            #expect(try await code { _ = try await database.query(.userByID, []) } == .invalid)
            let number = Statement("set_attempts", "UPDATE verification_codes SET attempts = $1")
            let insert = Statement(
                "insert_code",
                """
                INSERT INTO verification_codes (id, user_id, purpose, code_hash, attempts, expires_at, created_at)
                VALUES ($1, $2, 'email', 'h', $3, $4, $4)
                """)
            let values: [SQLValue] = [.id(fresh() as RequestID), .id(user), .text("secret"), now]
            #expect(try await code { try await database.run(insert, values) } == .invalid)
            #expect(try await code { try await database.run(number, [.integer(1)]) } == nil)
            let change: [SQLValue] = [.id(user), .boolean(true), now]
            #expect(try await code { _ = try await database.query(.setUserBlocked, change) } == .invalid)
            #expect(try await code { _ = try await database.query(.userByUsername, [.text("a\0")]) } == .invalid)
            #expect(try await code { try await database.run(.insertUser, [.null]) } == .invalid)
            // It still works afterwards.
            #expect(try await database.query(.userByUsername, [.text("ONE")]).count == 1)
            #expect(try await database.run(.touchUser, [.id(user), now]).count == 1)
        }
    }

    @Test(arguments: DatabaseEngine.tested)
    func errorsHoldNoValues(_ engine: DatabaseEngine) async throws {
        try await withDatabase(engine) { test in
            try await test.database.addUser("secret")
            for (name, role) in [("Secret", "user"), ("other", "secret")] {
                let values: [SQLValue] = [
                    .id(fresh() as UserID), .text(name), .null, .null, .text("secret"), .text("secret"), .null,
                    .text(role), .instant(moment(0)),
                ]
                await #expect {
                    try await test.database.run(.insertUser, values)
                } throws: { error in
                    !"\(error)".lowercased().contains("secret")
                }
            }
            // PostgreSQL rejects the value, SQLite finds nobody.
            do {
                #expect(try await test.database.query(.userByID, [.text("secret")]).isEmpty)
            } catch {
                #expect(!"\(error)".contains("secret"))
            }
        }
    }

    @Test(arguments: DatabaseEngine.tested)
    func commitsDurably(_ engine: DatabaseEngine) async throws {
        try await withDatabase(engine) { test in
            let setting =
                switch engine {
                case .sqlite: Statement("setting", "PRAGMA synchronous")
                case .postgresql: Statement("setting", "SHOW synchronous_commit")
                }
            let row = try #require(try await test.database.run(setting, []).rows.first)
            switch engine {
            case .sqlite: #expect(try row.integer("synchronous") == 2)
            case .postgresql: #expect(try row.text("synchronous_commit") == "on")
            }
        }
    }

    /// A unit for which there is no room does not fail others, and there may be room again.
    @Test func survivesAFullDisk() async throws {
        try await withDatabase(.sqlite) { test in
            let database = test.database
            let user = try await database.addUser("ann")
            func limit(_ pages: Int) async throws {
                let pragma = Statement("limit_\(pages)", "PRAGMA max_page_count = \(pages)")
                try await database.run(pragma, [])
            }
            let bio = Statement("set_bio", "UPDATE users SET bio = $2 WHERE id = $1")
            let long: [SQLValue] = [.id(user), .text(String(repeating: "x", count: 1_000_000))]
            try await limit(1)
            async let full = code { try await database.run(bio, long) }
            async let small = code { try await database.run(.touchUser, [.id(user), .instant(moment(1))]) }
            let codes = try await [full, small]
            #expect(codes[0] == .unavailable)
            #expect(codes[1] == nil || codes[1] == .unavailable)
            #expect(try await code { try await database.run(.touchUser, [.id(user), .instant(moment(2))]) } == nil)
            try await limit(1_000_000)
            #expect(try await database.run(bio, long, expectedRows: 1).count == 1)
        }
    }

    /// A cancelled caller is not told that the statement is wrong.
    @Test func aCancelledReadingIsUnavailable() async throws {
        try await withDatabase(.sqlite) { test in
            let database = test.database
            let reading = Task { () -> DatabaseError.Code? in
                unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
                do throws(DatabaseError) {
                    try await database.ping()
                    return nil
                } catch {
                    return error.code
                }
            }
            #expect(await reading.value == .unavailable)
        }
    }

    @Test(arguments: DatabaseEngine.tested)
    func closingCommitsWhatIsQueued(_ engine: DatabaseEngine) async throws {
        try await withDatabase(engine) { test in
            let user = try await test.database.addUser("one")
            let closing = try test.another()
            let done = Counter()
            for index in 0..<500 {
                let values: [SQLValue] = [.id(user), .instant(moment(Int64(index)))]
                closing.enqueue(WriteUnit([Step(.touchUser, values)])) { result in
                    if case .success = result { done.add() }
                }
            }
            await closing.close()
            #expect(done.value == 500)
            let row = try #require(try await test.database.query(.userByID, [.id(user)]).first)
            #expect(try row.instant("last_seen") == moment(499))
            #expect(try await code { try await closing.run(.touchUser, []) } == .unavailable)
            #expect(try await code { try await closing.ping() } == .unavailable)
            await closing.close()
        }
    }
}
