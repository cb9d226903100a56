import Foundation
import Testing

@testable import Storage

/// An unsuitable server, database or user is refused at the start, with an explanation.
@Suite(
    .enabled(if: testPostgreSQL != nil, "RINGBACK_TEST_POSTGRES names no cluster"), .serialized, .timeLimit(.minutes(1))
)
struct PostgreSQLRequirementsTests {
    private func refusal(_ url: String) async throws -> String {
        let database = try open(url)
        var words = "none"
        do throws(DatabaseError) {
            try await database.migrate()
        } catch {
            #expect(error.code == .invalid)
            words = error.message
        }
        await database.close()
        return words
    }

    private func name(_ test: TestDatabase) throws -> String { try #require(URL(string: test.url)?.lastPathComponent) }

    @Test(arguments: ["LATIN1", "WIN1252", "SQL_ASCII"])
    func anotherEncoding(_ encoding: String) async throws {
        let cluster = try #require(testPostgreSQL)
        let name = "ringback_test_\(UInt64.random(in: 0...UInt64.max))"
        try await administer(
            cluster,
            "CREATE DATABASE \(name) ENCODING '\(encoding)' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
        let words = try await refusal(databaseURL(cluster, name))
        try await administer(cluster, "DROP DATABASE \(name) WITH (FORCE)")
        #expect(words.contains("encoding is \(encoding)"))
    }

    @Test(arguments: [("default_transaction_read_only", "on"), ("search_path", "nowhere")])
    func aSettingThatIsInTheWay(setting: String, value: String) async throws {
        try await withDatabase(.postgresql, migrated: false) { test in
            try await administer(testPostgreSQL ?? "", "ALTER DATABASE \(name(test)) SET \(setting) = \(value)")
            #expect(try await refusal(test.url).contains(setting))
        }
    }

    @Test(.enabled(if: PostgreSQLCluster.isAvailable, "there are no PostgreSQL programs"))
    func aStandby() async throws {
        try await withCluster { cluster in
            try await cluster.start()
            await cluster.stop(SIGINT)
            try cluster.becomeStandby()
            try await cluster.start()
            #expect(try await refusal(cluster.url).contains("address of the primary"))
        }
    }

    @Test func aUserWhoMayNotMakeTables() async throws {
        try await withUser { test, user in
            #expect(try await refusal(user).contains("GRANT CREATE"))
            try await test.database.migrate()
            #expect(try await refusal(user).contains("may not read and write the table schema_migrations"))
        }
    }

    @Test func aUserWhoMayOnlyRead() async throws {
        try await withUser { test, user in
            try await test.database.migrate()
            try await administer(test.url, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO PUBLIC")
            #expect(try await refusal(user).contains("GRANT SELECT, INSERT, UPDATE, DELETE"))
        }
    }

    /// The user who migrates and the one who serves may be different.
    @Test func aUserWhoMayReadAndWriteServes() async throws {
        try await withUser { test, user in
            try await test.database.migrate()
            try await administer(
                test.url, "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO PUBLIC")
            let database = try open(user)
            try await database.migrate()
            _ = try await database.addUser("ann")
            await database.close()
        }
    }

    /// An empty database, and its URL for a user who may only connect.
    private func withUser(_ body: (TestDatabase, String) async throws -> Void) async throws {
        try await withDatabase(.postgresql, migrated: false) { test in
            let role = "ringback_test_\(UInt64.random(in: 0...UInt64.max))"
            try await administer(test.url, "CREATE ROLE \(role) LOGIN PASSWORD 'x'")
            try await administer(test.url, "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
            var components = try #require(URLComponents(string: test.url))
            (components.user, components.password) = (role, "x")
            do {
                try await body(test, try #require(components.string))
            } catch {
                try await administer(test.url, "DROP OWNED BY \(role); DROP ROLE \(role)")
                throw error
            }
            try await administer(test.url, "DROP OWNED BY \(role); DROP ROLE \(role)")
        }
    }

    @Test(
        .enabled(if: PgBouncer.isAvailable, "pgbouncer is not installed"),
        arguments: ["transaction", "statement", "session"])
    func aPooler(_ mode: String) async throws {
        try await withDatabase(.postgresql, migrated: false) { test in
            let pooler = try await PgBouncer(before: test.url, mode: mode)
            do {
                if mode == "session" {
                    let database = try open(pooler.url)
                    try await database.migrate()
                    let user = try await database.addUser("ann")
                    #expect(try await database.query(.userByID, [.id(user)]).count == 1)
                    await database.close()
                } else {
                    #expect(try await refusal(pooler.url).contains("pool_mode"))
                }
            } catch {
                await pooler.stop()
                throw error
            }
            await pooler.stop()
        }
    }
}
