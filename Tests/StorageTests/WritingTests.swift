import Foundation
import NIOConcurrencyHelpers
import Primitives
import Testing

@testable import Storage

/// A connection whose transaction ends when it is released.
private final class Held: @unchecked Sendable {
    // Only one task uses it at a time.
    private var connection: PostgreSQLConnection?

    init(_ connection: PostgreSQLConnection) { self.connection = connection }

    func release() { connection = nil }
}

/// What happens to units when writing is slow or impossible.
@Suite(.serialized, .timeLimit(.minutes(1)))
struct WritingTests {
    private func touch(_ user: UserID, _ seconds: Int64 = 1) -> WriteUnit {
        WriteUnit([Step(.touchUser, [.id(user), .instant(moment(seconds))], expectedRows: 1)])
    }

    /// Keeps the writer of a database busy until the stream is finished.
    private func holdUp(_ test: TestDatabase) async throws -> @Sendable () async throws -> Void {
        switch test.database.engine {
        case .sqlite:
            let (isStarted, start) = AsyncStream.makeStream(of: Void.self)
            let release = DispatchSemaphore(value: 0)
            // A completion runs on the committing thread.
            test.database.enqueue(WriteUnit([])) { _ in
                start.finish()
                release.wait()
            }
            for await _ in isStarted {}
            return { release.signal() }
        case .postgresql:
            let other = try PostgreSQLConnection(try PostgreSQLTarget(test.url), .migrating, PostgreSQLLimits())
            let lock = PostgreSQLConnection.Command.text("LOCK TABLE users IN EXCLUSIVE MODE")
            for answer in try other.exchange([.text("BEGIN"), lock], milliseconds: 5000) { _ = try answer.get() }
            let held = Held(other)
            return { held.release() }
        }
    }

    /// On SQLite it bypasses the queue; on PostgreSQL also a transaction that is stuck.
    @Test(arguments: DatabaseEngine.tested)
    func aUnitApartWaitsForNoQueue(_ engine: DatabaseEngine) async throws {
        try await withDatabase(engine) { test in
            let user = try await test.database.addUser("ann")
            let node: NodeID = fresh()
            let order = NIOLockedValueBox<[String]>([])
            let release = try await holdUp(test)
            let (ends, end) = AsyncStream.makeStream(of: Void.self)
            for _ in 0..<3 {
                test.database.enqueue(touch(user)) { _ in
                    order.withLockedValue { $0.append("queued") }
                    end.yield()
                }
            }
            let lease: [SQLValue] = [.id(node), .instant(moment(0)), .instant(moment(10))]
            test.database.enqueueApart(WriteUnit([Step(.takeLease, lease)])) { result in
                order.withLockedValue { $0.append((try? result.get()) == nil ? "failed" : "apart") }
                end.yield()
            }
            var ended = ends.makeAsyncIterator()
            if engine == .sqlite { try await release() }
            await ended.next()
            #expect(order.withLockedValue { $0.first } == "apart")
            if engine == .postgresql { try await release() }
            for _ in 0..<3 { await ended.next() }
            #expect(order.withLockedValue { $0 } == ["apart", "queued", "queued", "queued"])
        }
    }

    @Test(.enabled(if: testPostgreSQL != nil, "RINGBACK_TEST_POSTGRES names no cluster"))
    func whatWaitsBehindAStuckTransactionIsAnsweredInTime() async throws {
        var limits = PostgreSQLLimits()
        (limits.lock, limits.wait, limits.batch) = (300, 500, 2)
        try await withDatabase(.postgresql, limits: limits) { test in
            let user = try await test.database.addUser("ann")
            let release = try await holdUp(test)
            let began = ContinuousClock.now
            let codes = await withTaskGroup { group in
                for _ in 0..<40 {
                    group.addTask { try? await code { _ = try await test.database.commit(touch(user)) } }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(codes == Array(repeating: .unavailable, count: 40))
            // Twenty batches one after the other would take 12 s.
            #expect(began.duration(to: .now) < .seconds(4))
            try await release()
            _ = try await test.database.commit(touch(user))
        }
    }

    @Test(arguments: DatabaseEngine.tested)
    func whatHasWaitedForTooLongIsNotCarriedOut(_ engine: DatabaseEngine) async throws {
        var limits = PostgreSQLLimits()
        limits.wait = 0
        try await withDatabase(engine, limits: limits) { test in
            // If it were carried out, it would fail because the user is missing.
            let unit = touch(fresh())
            let queued = try await code { _ = try await test.database.commit(unit) }
            let apart = try await code { _ = try await test.database.commitApart(unit) }
            #expect(queued == .unavailable)
            #expect(apart == .unavailable)
        }
    }

    @Test func whatIsStaleIsTakenOutInItsOrder() {
        var batch = (0..<4).map { _ in QueuedUnit(WriteUnit([])) { _ in } }
        #expect(batch.removeStale(after: .seconds(60)).isEmpty)
        #expect(batch.count == 4)
        #expect(batch.removeStale(after: .zero).count == 4)
        #expect(batch.isEmpty)
    }

    @Test func theClockIsTheMachines() async throws {
        try await withDatabase(.sqlite) { test in
            let before = Instant.ofSystemClock
            let present = try await test.database.present()
            #expect(before <= present && present <= .ofSystemClock)
        }
    }

    @Test(.enabled(if: testPostgreSQL != nil, "RINGBACK_TEST_POSTGRES names no cluster"))
    func theClockIsTheServers() async throws {
        try await withDatabase(.postgresql) { test in
            let first = try await test.database.present()
            let second = try await test.database.present()
            #expect(first < second)
            #expect(abs((first - .ofSystemClock).milliseconds) < 60_000)
        }
    }

    /// Reading works, and one small write may find room: it is still not ready.
    @Test func aFullFileIsToldByThePing() async throws {
        try await withDatabase(.sqlite) { test in
            let database = test.database
            let user = try await database.addUser("ann")
            try await database.ping()
            try await database.run(Statement("test_fill", "PRAGMA max_page_count = 1"), [])
            let large = Statement("test_large", "UPDATE users SET bio = $1")
            let text = SQLValue.text(String(repeating: "x", count: 1_000_000))
            #expect(try await code { try await database.run(large, [text]) } == .unavailable)
            _ = try await database.commit(touch(user))
            let failure = await #expect(throws: DatabaseError.self) { try await database.ping() }
            #expect(failure?.blocksWrites == true)
        }
    }

    @Test(.enabled(if: testPostgreSQL != nil, "RINGBACK_TEST_POSTGRES names no cluster"))
    func aServerThatTakesNoWritesIsToldByThePing() async throws {
        try await withDatabase(.postgresql) { test in
            let user = try await test.database.addUser("ann")
            try await test.database.ping()
            // As when it has become a standby: the connections stay.
            let name = try #require(URL(string: test.url)?.lastPathComponent)
            try await administer(
                testPostgreSQL ?? "",
                """
                ALTER DATABASE \(name) SET default_transaction_read_only = on;
                SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '\(name)';
                """)
            try await waitFor { (try? await code { _ = try await test.database.commit(touch(user)) }) == .unavailable }
            try await waitFor {
                do {
                    try await test.database.ping()
                    return false
                } catch {
                    return (error as? DatabaseError)?.blocksWrites == true
                }
            }
        }
    }
}
