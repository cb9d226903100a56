import ArgumentParser
import Dispatch
import Foundation
import NIOCore
import NIOPosix
import Primitives
import Wire

/// `loadtest chaos`: a storm of calls over a server that is killed, or whose database goes away.
struct Chaos: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Start a server, kill it again and again under calls, and check that nothing was lost.",
        discussion: """
            The server keeps its files in a temporary folder, which stays when something is found. Model clients place \
            calls, answer, decline, cancel, hang up, move, add people, share screens, go away and come back, and \
            send messages. In the end, what they were told is compared with the database.
            """)

    @Option(help: ArgumentHelp("The program of the server.", valueName: "path"))
    var ringback = ".build/release/ringback"

    @Option(help: ArgumentHelp("sqlite, or the URL of an empty PostgreSQL database.", valueName: "database"))
    var database = "sqlite"

    @Option(help: "How often the server is killed, 1 to 10000.")
    var cycles = 200

    @Option(help: "Calls a second, above 0 and up to 1000.")
    var rate = 50.0

    @Option(help: "How many people there are, 4 to 5000; every fourth has two devices.")
    var people = 300

    @Option(help: "The seed of all choices and times; random by default.")
    var seed: UInt64?

    @Option(help: "Instead of the kills: restart the database once, or stop it for 20 s.")
    var outage: Outage?

    @Option(help: ArgumentHelp("For an outage: a program that understands stop and start.", valueName: "path"))
    var databaseControl: String?

    @Option(help: ArgumentHelp("Also write the report there, as JSON.", valueName: "file"))
    var json: String?

    /// What happens to the database.
    enum Outage: String, ExpressibleByArgument, CaseIterable {
        case restart
        case stop

        var duration: Duration { self == .restart ? .zero : .seconds(20) }
    }

    func validate() throws {
        try check(cycles, in: 1...10_000, "--cycles")
        try check(people, in: 4...5000, "--people")
        guard rate > 0, rate <= 1000 else { throw ValidationError("--rate must be above 0 and up to 1000.") }
        if outage != nil {
            guard databaseControl != nil else { throw ValidationError("--outage needs --database-control.") }
            guard database != "sqlite" else { throw ValidationError("--outage needs a PostgreSQL database.") }
        }
    }

    func run() async throws {
        do {
            try await storm()
        } catch let exit as ExitCode {
            throw exit
        } catch {
            StandardError.line("loadtest: \(error)")
            throw ExitCode((error as? LoadTestError)?.code == .input ? 65 : 69)
        }
    }

    private func storm() async throws {
        let seed = seed ?? .random(in: 0...UInt64.max)
        var random = SeededGenerator(seed: seed)
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("ringback-chaos-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        let url = database == "sqlite" ? "sqlite:\(folder.path)/ringback.sqlite" : database
        let users = try await ChaosDatabase.makeUsers(
            url, devices: (0..<people).map { $0.isMultiple(of: 4) ? 2 : 1 },
            keyFile: folder.appendingPathComponent("token.key").path, now: .wallClock())
        let credentials = users.flatMap(\.credentials)
        guard OpenFiles.raiseLimit() >= UInt64(credentials.count) * 2 + 64 else {
            throw LoadTestError(.input, "\(credentials.count) sockets are more than this process may open")
        }
        // Below the ports that the system gives to connections: no client may take the server's port while it is down.
        let port = Int.random(in: 20_000..<30_000)
        guard let name = ServerAddress("http://127.0.0.1:\(port)") else { return }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let server = Server(
            name: name, address: try name.resolve(allowRemote: false), encoding: .protobuf, eventLoop: group.next())
        let process = ServerProcess(
            program: ringback, folder: folder, port: port, database: url,
            settings: ChaosRun.settings(folder: folder))
        let startedAt = Instant.wallClock()
        let storm = Self.storm(users, Storm.Settings(rate: rate, devicesGoAway: outage == nil), random.next())
        let run = try await StormRun.begin(storm, credentials, at: server)
        let trouble = outage.map { ChaosRun.Trouble.outage($0.duration, control: databaseControl ?? "") }
        var chaos = ChaosRun(
            trouble ?? .kills(cycles), databaseURL: url, folder: folder, process: process, run: run,
            seed: random.next())
        let guards = Self.endWithServer(process)
        defer {
            process.kill()
            for guardian in guards { guardian.cancel() }
        }
        let (ledger, counts, violations) = try await chaos.make()
        let report = Report(
            chaos: chaos, counts, violations, server: name, startedAt: startedAt, cycles: outage == nil ? cycles : 0,
            rate: rate, seconds: Double((Instant.wallClock() - startedAt).microseconds) / 1_000_000,
            devices: credentials.count)
        print(report.text(), terminator: "")
        print("seed \(seed)")
        if let json { try report.json().write(to: URL(filePath: json)) }
        guard violations.isEmpty else {
            try await tell(violations, ledger, url)
            print("\nThe server's log and its SQLite database are in \(folder.path).")
            throw ExitCode(1)
        }
        try FileManager.default.removeItem(at: folder)
    }

    /// Ensures that the server does not outlive this program when the program is told to end.
    private static func endWithServer(_ process: ServerProcess) -> [any DispatchSourceSignal] {
        [SIGINT, SIGTERM].map { number in
            _ = signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number)
            source.setEventHandler {
                process.kill()
                Foundation.exit(128 + number)
            }
            source.resume()
            return source
        }
    }

    private static func storm(
        _ users: [(user: String, credentials: [Credential])], _ settings: Storm.Settings, _ seed: UInt64
    ) -> Storm {
        var people: [Storm.Person] = []
        var devices: [ModelDevice] = []
        for (index, user) in users.enumerated() {
            let places = devices.count..<devices.count + user.credentials.count
            people.append(Storm.Person(user: user.user, devices: Array(places)))
            devices += user.credentials.map { ModelDevice(user: user.user, id: $0.device, person: index) }
        }
        return Storm(people: people, devices: devices, settings: settings, seed: seed, start: .wallClock())
    }

    /// Shows the first violations with everything that is known of their calls.
    private func tell(_ violations: [Violation], _ ledger: Ledger, _ url: String) async throws {
        let opened = try await ChaosDatabase(url)
        let stored = try await opened.state()
        await opened.close()
        for violation in violations.prefix(10) {
            print("\n\(violation)")
            guard !violation.call.isEmpty else { continue }
            print(stored.calls[violation.call].map { "\($0)" } ?? "call \(violation.call) is not stored")
            for line in (ledger.journal[violation.call] ?? []).prefix(100) { print("  \(line)") }
        }
        if violations.count > 10 { print("\n… and \(violations.count - 10) more") }
    }
}

extension Report {
    /// The report of a storm.
    fileprivate init(
        chaos: ChaosRun, _ counts: StormStatistics, _ violations: [Violation], server: ServerAddress,
        startedAt: Instant, cycles: Int, rate: Double, seconds: Double, devices: Int
    ) {
        func figure(_ key: String, _ title: String, _ value: Int) -> Figure {
            Figure(key: key, title: title, value: Double(value))
        }
        var figures = [
            figure("cycles", "kills and restarts", cycles),
            figure("devices", "devices", devices),
            Figure(key: "seconds", title: "seconds, settling included", value: seconds, digits: 1),
            figure("placed", "calls placed", counts.placed),
            Figure(key: "asked_per_second", title: "calls a second asked for", value: rate, digits: 1),
            Figure(
                key: "achieved_per_second", title: "calls a second placed",
                value: Double(counts.placed) / max(1, counts.stormSeconds), digits: 1),
            figure("skipped", "calls that nobody was free for", counts.skipped),
            figure("answered", "calls answered", counts.answered),
            figure("acknowledged", "commands acknowledged", counts.acknowledged),
            figure("messages", "messages acknowledged", counts.messages),
            figure("repeats", "commands repeated", counts.repeats),
            figure("reconnects", "sockets opened", counts.reconnects),
            figure("unavailable", "answers: unavailable", counts.unavailable),
            figure("relayed", "signals passed on", counts.relayed),
        ]
        if case .outage = chaos.trouble {
            figures += [
                figure("relayed_in_outage", "signals passed on in the outage", counts.relayedInOutage),
                figure("unavailable_in_outage", "answers in the outage: unavailable", counts.unavailableInOutage),
            ]
        }
        for (code, count) in counts.refused.sorted(by: { $0.key < $1.key }) {
            figures.append(figure("refused_\(code)", "commands refused: \(code)", count))
        }
        for (reason, count) in counts.ends.sorted(by: { $0.key < $1.key }) {
            figures.append(figure("ended_\(reason)", "calls ended: \(reason)", count))
        }
        figures.append(figure("violations", "violations", violations.count))
        self.init(
            scenario: "chaos", server: "\(server)", subprotocol: "ringback.v1.proto", startedAt: startedAt,
            figures: figures,
            rows: chaos.statistics.measures.map { Row(measure: $0, latency: chaos.statistics.latency($0)) },
            errors: Dictionary(violations.map { ($0.kind.rawValue, 1) }, uniquingKeysWith: +))
    }
}
