import Foundation
public import Storage
import Testing

/// Makes real databases for tests: SQLite in a file that is deleted, and, where `RINGBACK_TEST_POSTGRES` names a
/// cluster, PostgreSQL databases that are dropped.
public enum TestDatabase {
    /// The URL of a cluster in which databases may be created.
    public static let cluster = ProcessInfo.processInfo.environment["RINGBACK_TEST_POSTGRES"]

    /// The location of a database, so that several servers can open it.
    public struct Place: Sendable {
        /// Its engine.
        public let engine: DatabaseEngine
        /// What `openDatabase` opens.
        public let url: String

        /// Opens it again.
        public func open() throws -> any Database {
            try openDatabase(url, readers: 2)
        }
    }

    /// Runs a test with an empty, migrated database.
    public static func with(_ engine: DatabaseEngine, _ body: (any Database, Place) async throws -> Void) async throws {
        let name = "ringback_test_\(UUID().uuidString.lowercased().replacing("-", with: ""))"
        switch engine {
        case .sqlite:
            let folder = FileManager.default.temporaryDirectory.appendingPathComponent(name)
            defer { try? FileManager.default.removeItem(at: folder) }
            try await run(Place(engine: engine, url: "sqlite:" + folder.appendingPathComponent("test.db").path), body)
        case .postgresql:
            let cluster = try #require(cluster)
            var components = try #require(URLComponents(string: cluster))
            try runTool("createdb", "--maintenance-db=\(cluster)", name)
            defer { try? runTool("dropdb", "--force", "--maintenance-db=\(cluster)", name) }
            components.path = "/\(name)"
            try await run(Place(engine: engine, url: try #require(components.string)), body)
        }
    }

    private static func run(_ place: Place, _ body: (any Database, Place) async throws -> Void) async throws {
        let database = try place.open()
        do {
            try await database.migrate()
            try await body(database, place)
        } catch {
            await database.close()
            throw error
        }
        await database.close()
    }

    private static func runTool(_ arguments: String...) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = arguments
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "\(arguments[0]) failed")
    }
}

extension DatabaseEngine {
    /// The engines available for tests. If PostgreSQL is not among them, a skipped test shows it.
    public static let tested = allCases.filter { $0 != .postgresql || TestDatabase.cluster != nil }
}
