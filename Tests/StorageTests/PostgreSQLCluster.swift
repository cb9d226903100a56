import Foundation
import NIOConcurrencyHelpers
import Testing

@testable import Storage

/// A PostgreSQL server for one test, with its files in a temporary directory and reachable only by its socket there.
final class PostgreSQLCluster: Sendable {
    /// Where the server's programs are; nil when they are not installed.
    private static let programs: String? = {
        guard
            let directory = try? outputNow(["pg_config", "--bindir"]).trimmingCharacters(in: .whitespacesAndNewlines),
            FileManager.default.isExecutableFile(atPath: "\(directory)/initdb")
        else { return nil }
        return directory
    }()

    /// Whether a server can be made here.
    static let isAvailable = programs != nil

    private let directory: URL
    private let server = NIOLockedValueBox<Process?>(nil)

    /// Creates the server's files; it is not running yet.
    init() async throws {
        directory = FileManager.default.temporaryDirectory.appendingPathComponent("rb\(UInt32.random(in: 0 ... .max))")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: false)
        // PostgreSQL refuses to run as root.
        if getuid() == 0 { _ = try await Self.output(["chown", "postgres", directory.path]) }
        _ = try await Self.output(
            serverCommand(
                "initdb", ["-D", "\(directory.path)/data", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync"]))
    }

    /// The URL of its first database.
    var url: String {
        "postgresql://postgres@/postgres?host=\(directory.path)"
    }

    /// Starts it and waits until it answers.
    func start() async throws {
        let process = try Self.process(
            serverCommand(
                "postgres", ["-D", "\(directory.path)/data", "-c", "listen_addresses=", "-k", directory.path]),
            output: directory.appendingPathComponent("log"))
        server.withLockedValue { $0 = process }
        try await waitFor {
            let isThere = await offThePool { [url] in
                (try? PostgreSQLConnection(try PostgreSQLTarget(url), .reading, PostgreSQLLimits())) != nil
            }
            return isThere || !process.isRunning
        }
        try #require(process.isRunning)
    }

    /// Stops it by a signal (SIGINT: at once; SIGQUIT: as in a crash) and waits until it is gone.
    func stop(_ signal: Int32) async {
        guard let process = server.withLockedValue({ $0 }), process.isRunning else { return }
        kill(process.processIdentifier, signal)
        await offThePool { process.waitUntilExit() }
    }

    /// Makes it a standby from its next start on: one without a primary, which is read-only.
    func becomeStandby() throws {
        try Data().write(to: directory.appendingPathComponent("data/standby.signal"))
    }

    /// Sends a signal to the server and to each of its processes.
    func signal(_ signal: Int32) async throws {
        let parent = try #require(server.withLockedValue { $0 }).processIdentifier
        let children = try await Self.output(["pgrep", "-P", "\(parent)"]).split(separator: "\n")
        for child in children { kill(try #require(Int32(child)), signal) }
        kill(parent, signal)
    }

    /// Stops it, if it is running, and deletes its files.
    func remove() async {
        await stop(SIGQUIT)
        try? FileManager.default.removeItem(at: directory)
    }

    /// PostgreSQL refuses to run as root.
    private func serverCommand(_ program: String, _ arguments: [String]) throws -> [String] {
        let identity = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        return (getuid() == 0 ? identity : []) + ["\(try #require(Self.programs))/\(program)"] + arguments
    }

    /// Starts a program found in PATH.
    private static func process(_ command: [String], output: URL) throws -> Process {
        _ = FileManager.default.createFile(atPath: output.path, contents: nil)
        let handle = try FileHandle(forWritingTo: output)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = command
        process.currentDirectoryURL = FileManager.default.temporaryDirectory
        process.standardOutput = handle
        process.standardError = handle
        try process.run()
        try handle.close()
        return process
    }

    /// Runs a program until it ends.
    private static func output(_ command: [String]) async throws -> String {
        try await offThePool { Result { try outputNow(command) } }.get()
    }

    private static func outputNow(_ command: [String]) throws -> String {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("rb\(UInt64.random(in: 0 ... .max))")
        defer { try? FileManager.default.removeItem(at: file) }
        let process = try process(command, output: file)
        process.waitUntilExit()
        let text = try String(contentsOf: file, encoding: .utf8)
        guard process.terminationStatus == 0 else { throw CommandFailed(command: command, output: text) }
        return text
    }
}

/// Runs a test on a server of its own, and removes that server whatever the test's result.
func withCluster(_ test: (PostgreSQLCluster) async throws -> Void) async throws {
    let cluster = try await PostgreSQLCluster()
    do {
        try await test(cluster)
    } catch {
        await cluster.remove()
        throw error
    }
    await cluster.remove()
}

/// Runs something that blocks on a thread of its own, not on one of the few that all tests share.
private func offThePool<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
    await withCheckedContinuation { continuation in
        Thread { continuation.resume(returning: body()) }.start()
    }
}

/// Checks repeatedly until the condition holds; the suite's time limit ends it.
func waitFor(_ condition: () async -> Bool) async throws {
    while await !condition() {
        // Only to leave the processor to the others.
        try await Task.sleep(for: .milliseconds(5))
    }
}

private struct CommandFailed: Error {
    var command: [String]
    var output: String
}
