import NIOCore
import Primitives

/// Watches over the connections of one event loop with one timer for all of them.
final class HeartbeatWheel: Sendable {
    /// How often the wheel turns; a deadline is noticed at most this much and one slot late.
    static let step = Instant.Span.milliseconds(250)

    let eventLoop: any EventLoop
    private let wheel: NIOLoopBoundBox<DeadlineWheel<Entry>>
    private let ticker: NIOLoopBoundBox<RepeatedTask?>

    /// Does not keep a closed connection alive.
    private struct Entry {
        weak var connection: Connection?
        let deadline: Instant
    }

    /// Makes a wheel that stands still until `start()`.
    init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
        let wheel = DeadlineWheel<Entry>(slotSpan: Self.step, slotCount: 256, now: Self.now())
        self.wheel = .makeBoxSendingValue(wheel, eventLoop: eventLoop)
        ticker = .makeEmptyBox(valueType: RepeatedTask.self, eventLoop: eventLoop)
    }

    /// The current time of a clock that never goes back.
    static func now() -> Instant {
        Instant(microseconds: Int64(clamping: NIODeadline.now().uptimeNanoseconds / 1000))
    }

    /// Begins to turn.
    func start() {
        eventLoop.execute { [self] in
            let step = TimeAmount.microseconds(Self.step.microseconds)
            ticker.value = eventLoop.scheduleRepeatedTask(initialDelay: step, delay: step) { [self] _ in turn() }
        }
    }

    /// Stops turning.
    func stop() {
        eventLoop.execute { [self] in
            ticker.value?.cancel()
            ticker.value = nil
        }
    }

    /// Checks a connection at a moment. On the event loop.
    func watch(_ connection: Connection, at deadline: Instant) {
        connection.watchedAt = deadline
        wheel.value.insert(Entry(connection: connection, deadline: deadline), at: deadline)
    }

    private func turn() {
        let now = Self.now()
        for entry in wheel.value.turn(to: now) {
            // A connection whose deadline was moved has another entry; this one is void.
            guard let connection = entry.connection, connection.watchedAt == entry.deadline else { continue }
            connection.look(now: now)
        }
    }
}
