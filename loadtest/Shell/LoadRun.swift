import NIOCore
import Primitives

/// Carries out the outputs of a scenario's traffic: one timer for the whole run, one handler for each socket.
final class LoadRun<Load: Traffic> {
    private var traffic: Load
    private let sockets: [ClientSocket]
    private let eventLoop: any EventLoop
    private let done: EventLoopPromise<Outcome>
    private var timer: Scheduled<Void>?
    private var timerAt: Instant?
    private var isDone = false
    private let processorBefore = Instant.ofProcess

    /// What is left of a run.
    struct Outcome: Sendable {
        /// The traffic at its end.
        let traffic: Load
        /// The processor time of this process during the run.
        let processorTime: Instant.Span
    }

    private init(_ traffic: Load, sockets: [ClientSocket], eventLoop: any EventLoop, done: EventLoopPromise<Outcome>) {
        self.traffic = traffic
        self.sockets = sockets
        self.eventLoop = eventLoop
        self.done = done
    }

    /// Runs traffic to its end.
    /// - Parameter sockets: Each at the index that the traffic uses.
    static func run(_ traffic: Load, on sockets: [OpenSocket], eventLoop: any EventLoop) async throws -> Outcome {
        let done = eventLoop.makePromise(of: Outcome.self)
        eventLoop.execute {
            let run = LoadRun(traffic, sockets: sockets.map(\.socket.value), eventLoop: eventLoop, done: done)
            run.begin()
        }
        return try await done.futureResult.get()
    }

    private func begin() {
        for (place, socket) in sockets.enumerated() {
            socket.onFrame = { frame, now in
                self.traffic.received(frame, on: place, now: Instant(now))
                self.turn()
            }
            socket.onLoss = { word in
                self.traffic.lost(socket: place, code: word, now: Instant(.now()))
                self.turn()
            }
            if let word = socket.loss { traffic.lost(socket: place, code: word, now: Instant(.now())) }
        }
        turn()
    }

    /// Lets the traffic act, sends its output, and sets the timer to when it wants to act next.
    private func turn() {
        guard !isDone else { return }
        traffic.advance(now: Instant(.now()))
        let outbox = traffic.takeOutbox()
        for outgoing in outbox { sockets[outgoing.socket].send(outgoing.frame) }
        var last = -1
        for outgoing in outbox where outgoing.socket != last {
            sockets[outgoing.socket].flush()
            last = outgoing.socket
        }
        if traffic.isFinished { return finish() }
        let wake = traffic.nextWake
        guard timerAt.map({ wake < $0 }) ?? true else { return }
        timer?.cancel()
        timerAt = wake
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        timer = eventLoop.scheduleTask(deadline: wake.deadline) {
            bound.value.timerAt = nil
            bound.value.turn()
        }
    }

    private func finish() {
        isDone = true
        timer?.cancel()
        for socket in sockets {
            socket.onFrame = nil
            socket.onLoss = nil
        }
        done.succeed(Outcome(traffic: traffic, processorTime: Instant.ofProcess - processorBefore))
    }
}

extension Instant {
    /// A reading of the monotonic clock. Only differences of such times mean anything.
    init(_ deadline: NIODeadline) {
        self.init(microseconds: Int64(clamping: deadline.uptimeNanoseconds / 1000))
    }

    /// The time as a reading of the monotonic clock.
    var deadline: NIODeadline { .uptimeNanoseconds(UInt64(max(0, microseconds)) * 1000) }
}
