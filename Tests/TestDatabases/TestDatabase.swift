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
        let template = try await templates.template(engine)
        switch engine {
        case .sqlite:
            let folder = FileManager.default.temporaryDirectory.appendingPathComponent(name)
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
            defer { try? FileManager.default.removeItem(at: folder) }
            let file = folder.appendingPathComponent("test.db").path
            try FileManager.default.copyItem(atPath: template, toPath: file)
            try await run(Place(engine: engine, url: "sqlite:" + file), body)
        case .postgresql:
            let cluster = try #require(cluster)
            try runTool("createdb", "--maintenance-db=\(cluster)", "--template=\(template)", name)
            defer { try? runTool("dropdb", "--force", "--maintenance-db=\(cluster)", name) }
            try await run(Place(engine: engine, url: try url(ofDatabase: name, in: cluster)), body)
        }
    }

    private static func run(_ place: Place, _ body: (any Database, Place) async throws -> Void) async throws {
        let database = try place.open()
        do {
            try await body(database, place)
        } catch {
            await database.close()
            throw error
        }
        await database.close()
    }

    private static let templates = Templates()

    fileprivate static func url(ofDatabase name: String, in cluster: String) throws -> String {
        var components = try #require(URLComponents(string: cluster))
        components.path = "/\(name)"
        return try #require(components.string)
    }

    fileprivate static func runTool(_ arguments: String...) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = arguments
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "\(arguments[0]) failed")
    }
}

/// The migrated databases that those of tests are copied from: to migrate each would take longer than most tests. They
/// are deleted when the process ends.
private actor Templates {
    private static let name = "ringback_test_template_\(ProcessInfo.processInfo.processIdentifier)"
    private static let folder = FileManager.default.temporaryDirectory.appendingPathComponent(name)
    private var made: [DatabaseEngine: Task<String, any Error>] = [:]

    init() {
        atexit {
            try? FileManager.default.removeItem(at: Templates.folder)
            guard let cluster = TestDatabase.cluster else { return }
            try? TestDatabase.runTool("dropdb", "--if-exists", "--maintenance-db=\(cluster)", Templates.name)
        }
    }

    /// The path or name of an engine's template, which is made when it is first asked for.
    func template(_ engine: DatabaseEngine) async throws -> String {
        let task = made[engine] ?? Task { try await Self.make(engine) }
        made[engine] = task
        return try await task.value
    }

    private static func make(_ engine: DatabaseEngine) async throws -> String {
        switch engine {
        case .sqlite:
            let file = folder.appendingPathComponent("template.db").path
            try await migrate("sqlite:" + file)
            return file
        case .postgresql:
            let cluster = try #require(TestDatabase.cluster)
            try TestDatabase.runTool("createdb", "--maintenance-db=\(cluster)", name)
            try await migrate(TestDatabase.url(ofDatabase: name, in: cluster))
            return name
        }
    }

    private static func migrate(_ url: String) async throws {
        let database = try openDatabase(url, readers: 1)
        try await database.migrate()
        await database.close()
    }
}

extension DatabaseEngine {
    /// The engines available for tests. If PostgreSQL is not among them, a skipped test shows it.
    public static let tested = allCases.filter { $0 != .postgresql || TestDatabase.cluster != nil }
}
