import NIOCore
import Primitives
import Wire

/// Carries out a storm's outputs, and reconnects its devices when their sockets are lost.
///
/// Everything here runs on the event loop of the server.
final class StormRun {
    private(set) var storm: Storm
    private let credentials: [Credential]
    private let server: Server
    private var sockets: [ClientSocket?]
    private var timer: (at: Instant, scheduled: Scheduled<Void>)?
    private var isOver = false
    /// When a device was welcomed for the first time since `watchForWelcome`.
    private(set) var firstWelcome: Instant?

    /// Makes a run whose devices connect from now on.
    /// - Parameter credentials: One for each device, at its index.
    static func begin(_ storm: Storm, _ credentials: [Credential], at server: Server) async throws
        -> NIOLoopBoundBox<StormRun>
    {
        try await server.eventLoop.submit {
            let run = StormRun(storm, credentials, server)
            for place in credentials.indices { run.dialLater(place) }
            run.turn()
            return NIOLoopBoundBox(run, eventLoop: server.eventLoop)
        }.get()
    }

    private init(_ storm: Storm, _ credentials: [Credential], _ server: Server) {
        self.storm = storm
        self.credentials = credentials
        self.server = server
        sockets = Array(repeating: nil, count: credentials.count)
    }

    private var now: Instant { Instant.wallClock() }

    /// The server is about to start: the next welcome is its first.
    func watchForWelcome() { firstWelcome = nil }

    func quiesce() { storm.quiesce(now: now) }

    /// The database goes away, or is back.
    func setOutage(_ outage: Storm.Outage) { storm.setOutage(outage) }

    /// Ends the run.
    func end() {
        isOver = true
        timer?.scheduled.cancel()
        for socket in sockets { socket?.close() }
    }

    // MARK: Sockets

    private func dialLater(_ place: Int) {
        guard !isOver else { return }
        let due = storm.nextTry(place, now: now)
        let bound = NIOLoopBound(self, eventLoop: server.eventLoop)
        server.eventLoop.scheduleTask(in: .microseconds((due - now).microseconds)) { bound.value.dial(place) }
    }

    private func dial(_ place: Int) {
        guard !isOver else { return }
        let bound = NIOLoopBound(self, eventLoop: server.eventLoop)
        let (server, credential) = (server, credentials[place])
        Task {
            do {
                _ = try await Dialer.open(credential, at: server) { socket in bound.value.listen(to: socket, place) }
            } catch {
                server.eventLoop.execute { bound.value.dialLater(place) }
            }
        }
    }

    private func listen(to socket: ClientSocket, _ place: Int) {
        socket.onWelcome = { welcome in
            self.sockets[place] = socket
            if self.firstWelcome == nil { self.firstWelcome = self.now }
            self.storm.connected(place, snapshot: welcome.calls, now: self.now)
            self.turn()
        }
        socket.onFrame = { frame, _ in
            self.storm.received(frame, on: place, now: self.now)
            self.turn()
        }
        socket.onLoss = { reason in
            // A socket that was never welcomed is redialled by the code that dialled it.
            guard self.sockets[place] === socket else { return }
            self.sockets[place] = nil
            self.storm.lost(place, reason: reason, now: self.now)
            self.dialLater(place)
            self.turn()
        }
    }

    // MARK: Turns

    private func turn() {
        guard !isOver else { return }
        storm.advance(now: now)
        var touched: Set<Int> = []
        for outgoing in storm.takeOutbox() {
            sockets[outgoing.socket]?.send(outgoing.frame)
            touched.insert(outgoing.socket)
        }
        for place in touched { sockets[place]?.flush() }
        for place in storm.takeClosings() { sockets[place]?.close() }
        let wake = storm.nextWake
        if let timer, timer.at <= wake { return }
        timer?.scheduled.cancel()
        let bound = NIOLoopBound(self, eventLoop: server.eventLoop)
        let delay = max(0, (wake - now).microseconds)
        let scheduled = server.eventLoop.scheduleTask(in: .microseconds(delay)) {
            bound.value.timer = nil
            bound.value.turn()
        }
        timer = (wake, scheduled)
    }
}
