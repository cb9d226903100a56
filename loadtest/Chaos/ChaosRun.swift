import Foundation
import NIOCore
import NIOPosix
import Primitives
import Wire

/// A storm over a server that is killed and restarted, or whose database goes away; and the findings.
struct ChaosRun {
    /// From the start of the process to the first device that is welcomed.
    static let restart = Measure(key: "restart", title: "restart to first welcome")

    /// What the run does to the server.
    enum Trouble: Sendable {
        /// Kill the server and restart it, this many times.
        case kills(Int)
        /// Take the database away for this long, with a program that understands `stop` and `start`.
        case outage(Duration, control: String)
    }

    /// How long calls wait for things, so short that deadlines come due all the time; in seconds.
    static let timings: [String: Int] = [
        "RING": 4, "RING_EXTENSION": 2, "RING_LIMIT": 6, "RING_AGAIN": 2, "CALLER_LOST": 2, "RECONNECT": 4,
        "RECOVERY": 4, "NEGOTIATION": 3, "ALONE": 3, "EMPTY": 2, "MAX_DURATION": 10,
    ]
    private static let longestStart = Duration.seconds(60)

    let trouble: Trouble
    let databaseURL: String
    let folder: URL
    let process: ServerProcess
    let run: NIOLoopBoundBox<StormRun>
    let checker: ChaosChecker
    private(set) var random: SeededGenerator
    private(set) var statistics = Statistics([ChaosRun.restart])
    /// The findings of the checks between the kills.
    private var early: [Violation] = []

    init(
        _ trouble: Trouble, databaseURL: String, folder: URL, process: ServerProcess,
        run: NIOLoopBoundBox<StormRun>, seed: UInt64
    ) {
        self.trouble = trouble
        self.databaseURL = databaseURL
        self.folder = folder
        self.process = process
        self.run = run
        random = SeededGenerator(seed: seed)
        checker = ChaosChecker(
            maxDuration: .seconds(Int64(Self.timings["MAX_DURATION"] ?? 0)), tolerance: .seconds(3))
    }

    /// The server's settings, by environment variable.
    static func settings(folder: URL) -> [String: String] {
        var settings = [
            "RINGBACK_TOKEN_KEY_FILE": folder.appendingPathComponent("token.key").path,
            "RINGBACK_STUN_LISTEN": "off", "RINGBACK_SOCKETS_PER_ADDRESS": "100000",
            "RINGBACK_CALLS_INVITES_PER_MINUTE": "100000",
        ]
        for (name, seconds) in timings { settings["RINGBACK_CALLS_\(name)_SECONDS"] = "\(seconds)" }
        return settings
    }

    // MARK: Trouble

    /// Runs to the end.
    /// - Throws: `server` when the server no longer starts.
    mutating func make() async throws -> (ledger: Ledger, storm: StormStatistics, violations: [Violation]) {
        let database = try await ChaosDatabase(databaseURL)
        try await startAndWait()
        switch trouble {
        case .kills(let count):
            for cycle in 1...max(1, count) {
                try await Task.sleep(for: .milliseconds(Int64.random(in: 1500...3000, using: &random)))
                await look(at: database, cycle)
                process.kill()
                try await Task.sleep(for: .milliseconds(Int64.random(in: 0...500, using: &random)))
                try await startAndWait()
                if cycle.isMultiple(of: 20) { StandardError.line("chaos: \(cycle) of \(count) cycles") }
            }
            try await Task.sleep(for: .seconds(2))
        case .outage(let duration, let control):
            try await Task.sleep(for: .seconds(5))
            try await onLoop { $0.setOutage(.near) }
            try Self.call(control, "stop")
            try await onLoop { $0.setOutage(.away) }
            try await Task.sleep(for: duration)
            try await onLoop { $0.setOutage(.near) }
            try Self.call(control, "start")
            // The server checks for the database now and then.
            try await Task.sleep(for: .seconds(3))
            try await onLoop { $0.setOutage(.none) }
            try await Task.sleep(for: .seconds(7))
        }
        try await onLoop { $0.quiesce() }
        try await settle(database)
        let stored = try await database.state()
        let storm = try await onLoop { $0.storm }
        try await onLoop { $0.end() }
        process.kill()
        await database.close()

        var counts = storm.statistics
        for call in stored.calls.values { counts.ends[call.endReason ?? "open", default: 0] += 1 }
        let ledger = storm.closedLedger()
        var violations = early + checker.check(ledger, against: stored, now: .wallClock())
        if case .outage(let duration, _) = trouble {
            violations += checker.checkOutage(stored, counts, isLong: duration > .seconds(5))
        }
        return (ledger, counts, violations)
    }

    private func onLoop<Value: Sendable>(_ body: @escaping @Sendable (StormRun) -> Value) async throws -> Value {
        try await run.eventLoop.submit { [run] in body(run.value) }.get()
    }

    private mutating func startAndWait() async throws {
        try await onLoop { $0.watchForWelcome() }
        let start = Instant.wallClock()
        let deadline = ContinuousClock.now + Self.longestStart
        try process.start()
        while true {
            if let welcome = try await onLoop({ $0.firstWelcome }) {
                statistics.record(Self.restart, welcome - start)
                return
            }
            guard process.isRunning, ContinuousClock.now < deadline else {
                throw LoadTestError(
                    .server, "the server does not come up again; its log ends with:\n\(process.logTail(lines: 20))")
            }
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    private mutating func look(at database: ChaosDatabase, _ cycle: Int) async {
        // A busy database can be checked the next time; at the end it has to answer.
        guard let open = try? await database.openCalls() else { return }
        let suspects = checker.checkRows(open, now: .wallClock())
        guard !suspects.isEmpty else { return }
        // A check takes several queries, between which a call may have moved on: real faults remain.
        try? await Task.sleep(for: .milliseconds(300))
        guard let again = try? await database.openCalls() else { return }
        for var violation in checker.checkRows(again, now: .wallClock())
        where suspects.contains(where: { $0.kind == violation.kind && $0.call == violation.call }) {
            violation.text += " (before kill \(cycle))"
            early.append(violation)
        }
    }

    /// Waits until all commands are answered and every call is over, as long as that may take.
    private func settle(_ database: ChaosDatabase) async throws {
        let deadline = ContinuousClock.now + .seconds(45)
        while ContinuousClock.now < deadline {
            try await Task.sleep(for: .seconds(1))
            let isQuiet = try await onLoop { $0.storm.isQuiet }
            if isQuiet, let open = try? await database.openCalls(), open.calls.isEmpty { break }
        }
        // The last commits are sent to clients a moment later.
        try await Task.sleep(for: .seconds(1))
    }

    private static func call(_ program: String, _ argument: String) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = [argument]
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw LoadTestError(.input, "\(program) \(argument) ended with \(process.terminationStatus)")
        }
    }
}
