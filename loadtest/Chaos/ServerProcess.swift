import Foundation
import NIOConcurrencyHelpers

/// The server under chaos, as a process of its own on a fixed port.
final class ServerProcess: Sendable {
    /// Where the program is.
    let program: String
    /// Where it keeps its files, and its log is written.
    let folder: URL
    let port: Int
    private let environment: [String: String]
    private let arguments: [String]
    private let process = NIOLockedValueBox<Process?>(nil)

    /// Makes a server that is not running yet.
    /// - Parameters:
    ///   - database: As `--database`.
    ///   - settings: By environment variable.
    init(program: String, folder: URL, port: Int, database: String, settings: [String: String]) {
        self.program = program
        self.folder = folder
        self.port = port
        // The URL of the database may contain a password, so it is not passed on the command line.
        let inherited = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("RINGBACK_") }
        environment = inherited.merging(settings) { $1 }.merging(["RINGBACK_DATABASE": database]) { $1 }
        arguments = ["serve", "--listen", "127.0.0.1:\(port)", "--log-level", "warning"]
    }

    private var log: URL { folder.appendingPathComponent("server.log") }

    /// Whether it runs.
    var isRunning: Bool { process.withLockedValue { $0?.isRunning ?? false } }

    /// Starts it; it takes a moment until it listens.
    /// - Throws: `input` when the program cannot be started.
    func start() throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.environment = environment
        process.currentDirectoryURL = folder
        if !FileManager.default.fileExists(atPath: log.path) {
            _ = FileManager.default.createFile(atPath: log.path, contents: nil)
        }
        do {
            let handle = try FileHandle(forWritingTo: log)
            try handle.seekToEnd()
            process.standardInput = FileHandle.nullDevice
            process.standardOutput = handle
            process.standardError = handle
            try process.run()
            try handle.close()
        } catch {
            throw LoadTestError(.input, "cannot start \(program): \(error)")
        }
        self.process.withLockedValue { [process] in $0 = process }
    }

    /// Kills it as a crash does (SIGKILL), and waits until it is gone.
    func kill() {
        guard let process = process.withLockedValue({ $0 }), process.isRunning else { return }
        _ = Glibc.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    /// The end of its log, for people.
    func logTail(lines: Int) -> String {
        guard let text = try? String(contentsOf: log, encoding: .utf8) else { return "" }
        return text.split(separator: "\n").suffix(lines).joined(separator: "\n")
    }
}
