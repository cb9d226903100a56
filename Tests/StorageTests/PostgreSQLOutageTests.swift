import Foundation
import NIOConcurrencyHelpers
import Primitives
import Testing

@testable import Storage

/// What happens while PostgreSQL is unreachable, and after it has come back.
@Suite(
    .enabled(if: PostgreSQLCluster.isAvailable, "there are no PostgreSQL programs"), .serialized,
    .timeLimit(.minutes(1)))
struct PostgreSQLOutageTests {
    /// The server ends the connections of a loaded database again and again. Acknowledged messages are stored, refused
    /// ones are not.
    @Test func losesNothingWhenConnectionsAreKilled() async throws {
        try await withCluster { cluster in
            try await cluster.start()
            let database = try open(cluster.url)
            try await database.migrate()
            let user = try await database.addUser("ann")
            let conversation = try await database.addConversation(user, try await database.addUser("bob"))
            let load = Load(database: database, sender: user, conversation: conversation)
            async let loaded: Void = load.run(tasks: 16)
            for round in 1...5 {
                try await load.wait(untilCommitted: round * 300)
                try await administer(
                    cluster.url,
                    """
                    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                    WHERE application_name = 'ringback' AND pid <> pg_backend_pid()
                    """)
            }
            try await load.wait(untilCommitted: 2000)
            load.stop()
            await loaded
            try await load.check()
            #expect(database.metrics.reconnects.value >= 5)
            await database.close()
        }
    }

    @Test(arguments: [SIGINT, SIGQUIT])
    func comesBackByItselfWhenTheServerDoes(_ shutdown: Int32) async throws {
        try await withCluster { cluster in
            try await cluster.start()
            let database = try open(cluster.url)
            try await database.migrate()
            let user = try await database.addUser("ann")
            let conversation = try await database.addConversation(user, try await database.addUser("bob"))
            let load = Load(database: database, sender: user, conversation: conversation)
            async let loaded: Void = load.run(tasks: 8)
            try await load.wait(untilCommitted: 200)
            await cluster.stop(shutdown)
            // Now callers are told at once.
            try await load.wait(untilRefused: 20)
            #expect(try await code { try await database.ping() } == .unavailable)
            let before = load.committed
            try await cluster.start()
            try await load.wait(untilCommitted: before + 200)
            load.stop()
            await loaded
            try await load.check()
            try await waitFor { (try? await database.ping()) != nil }
            await database.close()
        }
    }

    /// A server that accepts connections and never answers.
    @Test func givesUpAHungServer() async throws {
        try await withCluster { cluster in
            try await cluster.start()
            let database = try open(
                cluster.url, limits: PostgreSQLLimits(connect: 300, exchange: 500, wait: 1000, longestPause: 200))
            try await database.migrate()
            let user = try await database.addUser("ann")
            try await cluster.signal(SIGSTOP)
            async let read = code { try await database.ping() }
            async let written = code { try await database.run(.touchUser, [.id(user), .instant(moment(1))]) }
            let codes = try await [read, written]
            #expect(codes == [.unavailable, .unavailable])
            try await cluster.signal(SIGCONT)
            try await waitFor {
                (try? await database.run(.touchUser, [.id(user), .instant(moment(2))], expectedRows: 1)) != nil
            }
            try await waitFor { (try? await database.ping()) != nil }
            await database.close()
        }
    }

    /// The queue of a database that was never reachable.
    @Test func isUnavailableWithoutAServer() async throws {
        try await withCluster { cluster in
            let database = try open(cluster.url)
            #expect(try await code { try await database.migrate() } == .unavailable)
            #expect(try await code { try await database.run(.touchUser, []) } == .unavailable)
            #expect(try await code { try await database.ping() } == .unavailable)
            try await cluster.start()
            try await waitFor { (try? await database.migrate()) != nil }
            try await waitFor { (try? await database.addUser("ann")) != nil }
            await database.close()
        }
    }

    /// The connection breaks while the server delays the answer to COMMIT: the outcome of the unit is unknown.
    @Test func saysWhenTheOutcomeIsUnknown() async throws {
        try await withCluster { cluster in
            try await cluster.start()
            let database = try open(cluster.url, limits: PostgreSQLLimits(connect: 1000, exchange: 1000))
            try await database.migrate()
            // A check that the server makes only at commit, and that takes longer than we wait.
            try await administer(
                cluster.url,
                """
                CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS
                    $$ BEGIN PERFORM pg_sleep(3); RETURN NULL; END $$;
                CREATE CONSTRAINT TRIGGER lingering AFTER INSERT ON users DEFERRABLE INITIALLY DEFERRED
                    FOR EACH ROW WHEN (NEW.username = 'slow') EXECUTE FUNCTION linger();
                """)
            #expect(try await code { try await database.addUser("slow") } == .outcomeUnknown)
            try await waitFor { (try? await database.addUser("quick\(UInt32.random(in: 0 ... .max))")) != nil }
            await database.close()
        }
    }
}

/// Sends messages until it is told to stop, and remembers the outcome of each.
private final class Load: Sendable {
    private struct State {
        var committed: [String] = []
        var refused: [String] = []
        var unknown: [String] = []
        var unexpected: [DatabaseError] = []
        var isOver = false
    }

    private let database: any Database
    private let sender: UserID
    private let conversation: ConversationID
    private let state = NIOLockedValueBox(State())

    init(database: any Database, sender: UserID, conversation: ConversationID) {
        self.database = database
        self.sender = sender
        self.conversation = conversation
    }

    var committed: Int { state.withLockedValue { $0.committed.count } }

    func stop() {
        state.withLockedValue { $0.isOver = true }
    }

    func run(tasks: Int) async {
        await withTaskGroup { group in
            for task in 0..<tasks {
                group.addTask { await self.send(task) }
            }
        }
    }

    private func send(_ task: Int) async {
        var index = 0
        while !state.withLockedValue({ $0.isOver }), !Task.isCancelled {
            index += 1
            let body = "\(task).\(index)"
            do throws(DatabaseError) {
                _ = try await database.commit(sending(body, from: sender, to: conversation))
                state.withLockedValue { $0.committed.append(body) }
            } catch {
                state.withLockedValue {
                    switch error.code {
                    case .unavailable: $0.refused.append(body)
                    case .outcomeUnknown: $0.unknown.append(body)
                    default: $0.unexpected.append(error)
                    }
                }
                // As a client does that is told to retry.
                try? await Task.sleep(for: .milliseconds(5))
            }
        }
    }

    func wait(untilCommitted count: Int) async throws {
        try await waitFor { self.state.withLockedValue { $0.committed.count >= count } }
    }

    func wait(untilRefused count: Int) async throws {
        try await waitFor { self.state.withLockedValue { $0.refused.count >= count } }
    }

    /// Compares the outcomes with what is stored.
    func check() async throws {
        var stored: [String] = []
        try await waitFor { (try? await self.database.ping()) != nil }
        let rows = try await database.query(
            .messagesBefore, [.id(conversation), .integer(.max / 2), .integer(1_000_000), .id(fresh() as UserID)])
        for row in rows {
            stored.append(try row.text("body"))
            #expect(try row.integer("seq") == Int64(stored.count))
        }
        let (there, told) = (Set(stored), state.withLockedValue { $0 })
        #expect(there.count == stored.count)
        #expect(there.isSuperset(of: told.committed))
        #expect(there.isDisjoint(with: told.refused))
        #expect(there.subtracting(told.committed).isSubset(of: told.unknown))
        #expect(told.unexpected.isEmpty)
    }
}
