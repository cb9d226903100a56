import ArgumentParser
import NIOCore
import Primitives
import Wire

/// `loadtest idle`: sockets that are open and do nothing.
struct Idle: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Open sockets, hold them and answer pings.",
        discussion: "With --pid it says how much memory the server takes for each socket.")

    @Option(help: "How many sockets, 1 to 50000.")
    var sockets = 100

    @Option(help: "How long they are held once all are open, in seconds, 1 to 3600.")
    var seconds = 10

    @Option(help: ArgumentHelp("The process of the server, on this machine.", valueName: "pid"))
    var pid: Int32?

    @OptionGroup var common: CommonOptions

    private static let connect = Measure(key: "connect", title: "connect to welcome")

    func validate() throws {
        try check(sockets, in: 1...50_000, "--sockets")
        try check(seconds, in: 1...3600, "--seconds")
    }

    func run() async throws {
        try await common.run(userCount: sockets) { server, credentials in
            let memoryBefore = try memory()
            let startedAt = Instant.wallClock()
            let start = NIODeadline.now()
            let attempts = try await Server.inTurn(sockets, atATime: 32) { index in
                do {
                    return Result<OpenSocket, LoadTestError>.success(
                        try await Dialer.open(credentials[index], at: server))
                } catch let error as LoadTestError {
                    return .failure(error)
                } catch {
                    return .failure(LoadTestError(.server, "\(error)", word: "connect_failed"))
                }
            }
            let opening = NIODeadline.now() - start
            try await Task.sleep(for: .seconds(seconds))
            let memoryAfter = try memory()

            var statistics = Statistics([Self.connect])
            var held: [OpenSocket] = []
            for attempt in attempts {
                statistics.start()
                switch attempt {
                case .success(let socket):
                    statistics.record(Self.connect, socket.took)
                    held.append(socket)
                case .failure(let error): statistics.fail(error.word)
                }
            }
            let losses = try await server.eventLoop.submit { [held] in held.compactMap(\.socket.value.loss) }.get()
            for word in losses { statistics.fail(word) }
            return report(
                server, startedAt: startedAt, opening: Double(opening.nanoseconds) / 1e9,
                heldCount: held.count - losses.count,
                statistics, memory: memoryBefore.flatMap { before in memoryAfter.map { (before, $0) } })
        }
    }

    private func memory() throws -> Int? {
        guard let pid else { return nil }
        guard let bytes = ResidentMemory.read(pid: pid) else {
            throw LoadTestError(.input, "there is no process \(pid) whose memory can be read")
        }
        return bytes
    }

    private func report(
        _ server: Server, startedAt: Instant, opening: Double, heldCount: Int, _ statistics: Statistics,
        memory: (before: Int, after: Int)?
    ) -> Report {
        var figures = [
            Report.Figure(key: "asked", title: "sockets asked for", value: Double(sockets)),
            Report.Figure(key: "held", title: "sockets held to the end", value: Double(heldCount)),
            Report.Figure(key: "held_seconds", title: "seconds held", value: Double(seconds)),
            Report.Figure(
                key: "opened_per_second", title: "sockets opened a second",
                value: opening > 0 ? Double(heldCount) / opening : 0, digits: 1),
        ]
        if let memory {
            figures += [
                Report.Figure(
                    key: "server_memory_before_bytes", title: "server memory before, bytes",
                    value: Double(memory.before)),
                Report.Figure(
                    key: "server_memory_after_bytes", title: "server memory after, bytes", value: Double(memory.after)),
                Report.Figure(
                    key: "server_memory_per_socket_bytes", title: "server memory per socket, bytes",
                    value: Double(memory.after - memory.before) / Double(max(1, heldCount))),
            ]
        }
        return Report(
            scenario: "idle", server: "\(server.name)", subprotocol: server.encoding.subprotocol, startedAt: startedAt,
            figures: figures,
            rows: statistics.measures.map { Report.Row(measure: $0, latency: statistics.latency($0)) },
            errors: statistics.errors)
    }
}
