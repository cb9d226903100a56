import NIOConcurrencyHelpers
import Primitives
import Testing

@testable import Storage

/// What happens to units that share a transaction of PostgreSQL when one of them fails.
@Suite(
    .enabled(if: testPostgreSQL != nil, "RINGBACK_TEST_POSTGRES names no cluster"), .serialized, .timeLimit(.minutes(1))
)
struct PostgreSQLCommitterTests {
    private let hold = Statement("test_hold", "SELECT pg_sleep(0.5)")

    /// Commits units in one batch: they arrive while the committer is busy.
    private func commitTogether(_ units: [WriteUnit], on database: any Database) async throws -> [Result<
        Int, DatabaseError
    >] {
        let outcomes = NIOLockedValueBox<[Int: Result<Int, DatabaseError>]>([:])
        database.enqueue(WriteUnit([Step(hold, [])])) { _ in }
        let isHeld = Statement("test_is_held", "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
        try await waitFor { (try? await database.query(isHeld, []))?.isEmpty == false }
        await withTaskGroup { group in
            let (ends, end) = AsyncStream.makeStream(of: Void.self)
            for (index, unit) in units.enumerated() {
                database.enqueue(unit) { result in
                    outcomes.withLockedValue { $0[index] = result.map(\.count) }
                    end.yield()
                }
            }
            group.addTask {
                var count = 0
                for await _ in ends {
                    count += 1
                    if count == units.count { return }
                }
            }
        }
        return outcomes.withLockedValue { outcomes in
            units.indices.map { outcomes[$0] ?? .failure(DatabaseError(.invalid, "not completed")) }
        }
    }

    private func touch(_ user: UserID) -> Step {
        Step(.touchUser, [.id(user), .instant(moment(1))], expectedRows: 1)
    }

    private func insertUser(_ name: String) -> WriteUnit {
        WriteUnit([
            Step(
                .insertUser,
                [
                    .id(fresh() as UserID), .text(name), .null, .null, .text("x"), .text("x"), .null, .text("user"),
                    .instant(moment(0)),
                ])
        ])
    }

    private func code(_ result: Result<Int, DatabaseError>) -> DatabaseError.Code? {
        if case .failure(let error) = result { return error.code }
        return nil
    }

    @Test func onlyOneUnitWaitsForALock() async throws {
        var limits = PostgreSQLLimits()
        limits.lock = 300
        try await withDatabase(.postgresql, limits: limits) { test in
            let (ann, bob) = (try await test.database.addUser("ann"), try await test.database.addUser("bob"))
            let other = try PostgreSQLConnection(try PostgreSQLTarget(test.url), .migrating, PostgreSQLLimits())
            let lock = PostgreSQLConnection.Command.text("SELECT 1 FROM users WHERE username = 'ann' FOR UPDATE")
            for answer in try other.exchange([.text("BEGIN"), lock], milliseconds: 5000) { _ = try answer.get() }
            let units = [WriteUnit([touch(bob)])] + (0..<20).map { _ in WriteUnit([touch(ann)]) }
            let outcomes = try await commitTogether(units, on: test.database)
            #expect(code(outcomes[0]) == nil)
            #expect(outcomes.dropFirst().allSatisfy { code($0) == .unavailable })
            let unrun = outcomes.count { outcome in
                if case .failure(let error) = outcome { error.message.hasPrefix("not run after") } else { false }
            }
            #expect(unrun == 19)
            _ = try other.exchange([.text("ROLLBACK")], milliseconds: 5000)
            let later = try await commitTogether([WriteUnit([touch(ann)])], on: test.database)
            #expect(code(later[0]) == nil)
        }
    }

    /// Alone and, when another unit of the batch has failed, in a savepoint.
    @Test(arguments: [false, true]) func aDeadlockIsTriedAgain(isWithBadUnit: Bool) async throws {
        try await withDatabase(.postgresql) { test in
            let (ann, bob) = (try await test.database.addUser("ann"), try await test.database.addUser("bob"))
            let (locks, locked) = AsyncStream.makeStream(of: Void.self)
            let url = test.url
            let other = Task.detached {
                let connection = try PostgreSQLConnection(try PostgreSQLTarget(url), .migrating, PostgreSQLLimits())
                func run(_ text: String) throws -> StepResult {
                    try connection.exchange([.text(text)], milliseconds: 10_000)[0].get()
                }
                // So that the committer detects the deadlock, and gives way.
                _ = try run("SET deadlock_timeout = '60s'")
                _ = try run("BEGIN")
                _ = try run("SELECT 1 FROM users WHERE username = 'bob' FOR UPDATE")
                locked.yield()
                while try run("SELECT 1 FROM pg_locks WHERE NOT granted").rows.isEmpty {}
                _ = try run("SELECT 1 FROM users WHERE username = 'ann' FOR UPDATE")
                _ = try run("ROLLBACK")
            }
            for await _ in locks { break }
            let bad = isWithBadUnit ? [insertUser("ann")] : []
            let outcomes = try await commitTogether(bad + [WriteUnit([touch(ann), touch(bob)])], on: test.database)
            try await other.value
            #expect(outcomes.last == .success(2))
            if isWithBadUnit { #expect(code(outcomes[0]) == .constraint("users_username_key")) }
        }
    }

    @Test func aCommitThatRollsBackIsAFailure() async throws {
        try await withDatabase(.postgresql) { test in
            let connection = try PostgreSQLConnection(try PostgreSQLTarget(test.url), .migrating, PostgreSQLLimits())
            func exchange(_ commands: [PostgreSQLConnection.Command]) throws -> [PostgreSQLConnection.Answer] {
                try connection.exchange(commands, milliseconds: 5000)
            }
            _ = try exchange([.text("BEGIN"), .text("SELECT nothing FROM nowhere")])
            let refused = try exchange([.commit])[0]
            #expect(throws: DatabaseError(.unavailable, "the server rolled the transaction back")) {
                try refused.get()
            }
            let committed = try exchange([.text("BEGIN"), .commit])[1]
            #expect(code(committed.map(\.count)) == nil)
        }
    }

    /// The connection breaks in COMMIT: the outcome is unknown only for the units that were being committed.
    @Test func whatFailedBeforeTheCommitIsKnown() async throws {
        try await withDatabase(.postgresql, limits: PostgreSQLLimits(connect: 1000, exchange: 1000)) { test in
            try await test.database.addUser("ann")
            try await administer(
                test.url,
                """
                CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS
                    $$ BEGIN PERFORM pg_sleep(3); RETURN NULL; END $$;
                CREATE CONSTRAINT TRIGGER lingering AFTER INSERT ON users DEFERRABLE INITIALLY DEFERRED
                    FOR EACH ROW WHEN (NEW.username = 'slow') EXECUTE FUNCTION linger();
                """)
            let outcomes = try await commitTogether(
                [insertUser("a\0b"), insertUser("ann"), insertUser("slow")], on: test.database)
            #expect(outcomes.map(code) == [.invalid, .constraint("users_username_key"), .outcomeUnknown])
        }
    }
}
