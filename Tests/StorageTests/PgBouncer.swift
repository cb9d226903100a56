import Foundation
import Testing

@testable import Storage

/// PgBouncer in front of a database, on a port of its own.
struct PgBouncer {
    private static let program = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer", "/usr/local/bin/pgbouncer"]
        .first { FileManager.default.isExecutableFile(atPath: $0) }

    /// Whether it is installed.
    static let isAvailable = program != nil

    /// The URL of the database through the pooler.
    let url: String
    private let process = Process()
    private let folder: URL

    init(before url: String, mode: String) async throws {
        let port = UInt16.random(in: 20_000..<32_000)
        var components = try #require(URLComponents(string: url))
        let (host, server) = (try #require(components.host), try #require(components.port))
        let (user, password) = (components.user ?? "", components.password ?? "")
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("rb\(UInt32.random(in: 0 ... .max))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        try Data("\"\(user)\" \"\(password)\"\n".utf8).write(to: folder.appendingPathComponent("users"))
        let settings = """
            [databases]
            * = host=\(host) port=\(server)
            [pgbouncer]
            listen_addr = 127.0.0.1
            listen_port = \(port)
            unix_socket_dir =
            auth_type = trust
            auth_file = \(folder.path)/users
            pool_mode = \(mode)
            logfile = \(folder.path)/log

            """
        try Data(settings.utf8).write(to: folder.appendingPathComponent("settings"))
        // It refuses to run as root.
        let identity = getuid() == 0 ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] : []
        if getuid() == 0 {
            let chown = try Process.run(
                URL(fileURLWithPath: "/usr/bin/env"), arguments: ["chown", "-R", "postgres", folder.path])
            chown.waitUntilExit()
        }
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = identity + [try #require(Self.program), "\(folder.path)/settings"]
        process.standardError = FileHandle.nullDevice
        try process.run()
        (components.host, components.port) = ("127.0.0.1", Int(port))
        self.url = try #require(components.string)
        let target = try PostgreSQLTarget(self.url)
        let process = process
        try await waitFor {
            let isThere = (try? PostgreSQLConnection(target, .migrating, PostgreSQLLimits())) != nil
            return isThere || !process.isRunning
        }
        try #require(process.isRunning, "pgbouncer did not start")
    }

    func stop() async {
        // It has nothing to lose, and the signal mask that it inherits from us may block other signals.
        kill(process.processIdentifier, SIGKILL)
        try? await waitFor { !process.isRunning }
        try? FileManager.default.removeItem(at: folder)
    }
}
