import Foundation
import Logging
import Primitives
import Testing

@testable import Storage

/// A database for one test, created before it and dropped after it.
struct TestDatabase: Sendable {
    let url: String
    let database: any Database

    /// A second server on the same database.
    func another() throws -> any Database {
        try open(url)
    }
}

/// Where the tests find PostgreSQL: a URL of a cluster in which they may create databases.
let testPostgreSQL = ProcessInfo.processInfo.environment["RINGBACK_TEST_POSTGRES"]

/// Opens a database with a silent log.
func open(_ url: String, limits: PostgreSQLLimits = PostgreSQLLimits()) throws -> any Database {
    switch try DatabaseURL(url) {
    case .sqlite(let path):
        try SQLiteDatabase(
            path: path, readers: 4, queueLimit: limits.queue, longestWait: .milliseconds(limits.wait))
    case .postgresql(let target):
        PostgreSQLDatabase(target, readers: 4, limits: limits, logger: silent)
    }
}

let silent = Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() }

extension DatabaseEngine {
    /// The engines available for tests. If PostgreSQL is not among them, a skipped test shows it.
    static let tested = allCases.filter { $0 != .postgresql || testPostgreSQL != nil }
}

/// Runs a test on an empty database of an engine.
func withDatabase(
    _ engine: DatabaseEngine, migrated: Bool = true, limits: PostgreSQLLimits = PostgreSQLLimits(),
    _ test: (TestDatabase) async throws -> Void
) async throws {
    let name = "ringback_test_\(UInt64.random(in: 0...UInt64.max))"
    let url: String
    switch engine {
    case .sqlite:
        url = "sqlite:\(FileManager.default.temporaryDirectory.path)/\(name)/ringback.db"
    case .postgresql:
        let cluster = try #require(testPostgreSQL)
        try await administer(cluster, "CREATE DATABASE \(name)")
        url = try databaseURL(cluster, name)
    }
    let database = try open(url, limits: limits)
    func cleanUp() async throws {
        await database.close()
        switch engine {
        case .sqlite:
            try FileManager.default.removeItem(
                at: FileManager.default.temporaryDirectory.appendingPathComponent(name))
        case .postgresql:
            try await administer(testPostgreSQL ?? "", "DROP DATABASE \(name) WITH (FORCE)")
        }
    }
    do {
        if migrated { try await database.migrate() }
        try await test(TestDatabase(url: url, database: database))
    } catch {
        try await cleanUp()
        throw error
    }
    try await cleanUp()
}

/// Another database's URL in the same cluster.
func databaseURL(_ cluster: String, _ name: String) throws -> String {
    var components = try #require(URLComponents(string: cluster))
    components.path = "/\(name)"
    return try #require(components.string)
}

/// Runs statements on a separate connection.
func administer(_ url: String, _ script: String) async throws {
    try await Task.detached {
        let connection = try PostgreSQLConnection(try PostgreSQLTarget(url), .migrating, PostgreSQLLimits())
        if let failure = try connection.run(script: script, milliseconds: 30_000) { throw failure }
    }.value
}

extension Database {
    /// Commits one step.
    @discardableResult
    func run(_ statement: Statement, _ values: [SQLValue], expectedRows: Int? = nil) async throws -> StepResult {
        let results = try await commit(WriteUnit([Step(statement, values, expectedRows: expectedRows)]))
        return try #require(results.first)
    }

    /// Applies the test's own migrations after the product's.
    @discardableResult
    func migrate(with more: [Migration]) async throws -> [Int] {
        try await migrate(exactly: Migration.all + more)
    }

    /// Reverts the database to this migration.
    func migrate(through number: Int) async throws {
        try await migrate(exactly: Migration.all.filter { $0.number <= number })
    }

    @discardableResult
    private func migrate(exactly migrations: [Migration]) async throws -> [Int] {
        switch self {
        case let database as SQLiteDatabase: try await database.migrate(migrations)
        case let database as PostgreSQLDatabase: try await database.migrate(migrations)
        default: []
        }
    }
}

/// The code with which something fails; nil when it does not.
func code(_ body: () async throws -> Void) async throws -> DatabaseError.Code? {
    do {
        try await body()
        return nil
    } catch let error as DatabaseError {
        return error.code
    }
}
