import Delivery
import Primitives

/// How long a connection may be silent in each stage of its life.
struct HeartbeatTimings: Sendable, Equatable {
    /// From the accepted connection to the end of the first request's head.
    var head: Instant.Span = .seconds(10)
    /// From the upgrade to hello.
    var hello: Instant.Span = .seconds(5)
    /// From hello to its answer. Authentication has limits of its own; this one is for a service that never answers.
    var admission: Instant.Span = .seconds(15)
    /// From one ping to the next.
    var ping: Instant.Span = .seconds(25)
    /// From a ping to any sign of life.
    var answer: Instant.Span = .seconds(10)
    /// From the first request's head to the end of a connection that is not a socket, whatever it asks for.
    var plain: Instant.Span = .seconds(300)
    /// From our close frame to the peer's end of the connection.
    var close: Instant.Span = .seconds(5)
}

/// The timing of one connection: a plain value that is told what happens, and says what is due.
///
/// Its instants come from a clock that never goes back.
struct Heartbeat: Sendable {
    /// Where the connection is.
    enum Stage: Sendable, Equatable {
        /// No request has come yet. Can go to: plain, greeting.
        case head
        /// It speaks HTTP. The HTTP server watches over its silences; this only limits its total time. Can go to:
        /// closing.
        case plain
        /// A socket that has not said hello. Can go to: admission, open, closing.
        case greeting
        /// A socket that waits for the answer to its hello. Can go to: open, closing.
        case admission
        /// Admitted; the next ping is due at the deadline. Can go to: pinged, closing.
        case open
        /// A ping was sent at this time. Can go to: open, closing.
        case pinged(at: Instant)
        /// Our close frame is on its way. Can go to: nothing.
        case closing
    }

    /// What is due.
    enum Due: Sendable, Equatable {
        /// Nothing before this moment.
        case wait(until: Instant)
        /// Send a ping, and check again at this moment.
        case ping(then: Instant)
        /// Close with this code.
        case close(CloseCode)
        /// Close the connection without a close frame.
        case drop
    }

    private let timings: HeartbeatTimings
    private(set) var stage: Stage = .head
    private var deadline: Instant
    private var lastHeard: Instant

    /// A connection was accepted.
    init(timings: HeartbeatTimings, now: Instant) {
        self.timings = timings
        deadline = now + timings.head
        lastHeard = now
    }

    /// The first request's head is here and does not ask for a socket.
    mutating func becamePlain(now: Instant) {
        stage = .plain
        deadline = now + timings.plain
    }

    /// The connection has become a socket.
    mutating func upgraded(now: Instant) {
        stage = .greeting
        deadline = now + timings.hello
        lastHeard = now
    }

    /// The client was admitted.
    mutating func welcomed(now: Instant) {
        guard stage == .admission else { return }
        stage = .open
        deadline = now + timings.ping
    }

    /// The socket is one that needs no hello.
    mutating func openedWithoutHello(now: Instant) {
        guard stage == .greeting else { return }
        stage = .open
        deadline = now + timings.ping
    }

    /// The client said hello and waits for our answer.
    mutating func greeted(now: Instant) {
        guard stage == .greeting else { return }
        stage = .admission
        deadline = now + timings.admission
    }

    /// A frame came.
    mutating func heard(now: Instant) { lastHeard = now }

    /// Our close frame is on its way.
    mutating func closing(now: Instant) {
        guard stage != .closing else { return }
        stage = .closing
        deadline = now + timings.close
    }

    /// What is due now. The result counts as done.
    mutating func due(now: Instant) -> Due {
        guard now >= deadline else { return .wait(until: deadline) }
        switch stage {
        case .head, .plain, .closing: return .drop
        case .greeting: return .close(.helloTimeout)
        case .admission: return .close(.unavailable)
        case .open:
            stage = .pinged(at: now)
            deadline = now + timings.answer
            return .ping(then: deadline)
        case .pinged(let sentAt):
            guard lastHeard >= sentAt else { return .close(.heartbeatLost) }
            stage = .open
            deadline = max(now, sentAt + timings.ping)
            return deadline > now ? .wait(until: deadline) : due(now: now)
        }
    }
}

/// Deadlines of many members, in the slots of a turning wheel: setting one and finding what is due cost the same
/// however many there are, and none of them needs a timer.
///
/// A member is found in the first turn after its deadline, so up to one slot late.
struct DeadlineWheel<Member> {
    private let slotSpan: Int64
    private var slots: [[(member: Member, deadline: Instant)]]
    private var turnedTo: Int64

    /// Makes an empty wheel.
    /// - Parameters:
    ///   - slotSpan: The time that one slot covers.
    ///   - slotCount: How many slots there are; what is due later than a whole turn stays for further turns.
    ///   - now: The current time.
    init(slotSpan: Instant.Span, slotCount: Int, now: Instant) {
        self.slotSpan = max(1, slotSpan.microseconds)
        slots = Array(repeating: [], count: max(1, slotCount))
        turnedTo = now.microseconds / self.slotSpan
    }

    /// Adds a member that is due at a moment.
    mutating func insert(_ member: Member, at deadline: Instant) {
        // If it is already due, it is found in the next turn: the current slot has been checked.
        let tick = max(turnedTo + 1, deadline.microseconds / slotSpan + 1)
        slots[Int(tick % Int64(slots.count))].append((member, deadline))
    }

    /// Turns the wheel to the current time and takes out what is due.
    mutating func turn(to now: Instant) -> [Member] {
        let target = now.microseconds / slotSpan
        guard target > turnedTo else { return [] }
        var due: [Member] = []
        // After a long sleep one full turn checks every slot.
        for tick in max(turnedTo + 1, target - Int64(slots.count) + 1)...target {
            let index = Int(tick % Int64(slots.count))
            guard !slots[index].isEmpty else { continue }
            var kept: [(member: Member, deadline: Instant)] = []
            for entry in slots[index] {
                if entry.deadline <= now { due.append(entry.member) } else { kept.append(entry) }
            }
            slots[index] = kept
        }
        turnedTo = target
        return due
    }

    /// How many deadlines the wheel holds.
    var count: Int { slots.reduce(0) { $0 + $1.count } }
}
