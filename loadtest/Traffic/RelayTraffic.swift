import Primitives
import SwiftProtobuf
import Wire

/// The scenario `relay`: in calls that are ongoing, candidates or descriptions are passed on at a fixed rate, by the
/// pairs in turn and within a pair in both directions alternately.
struct RelayTraffic: Traffic {
    /// How late the tool itself was.
    static let late = Measure(key: "late_start", title: "intended start to send")
    /// The candidate or description is at the other side.
    static let delivery = Measure(key: "relay_delivery", title: "relay to delivery, one way")

    /// A relay in flight.
    private struct Flight {
        /// The socket that it was sent on.
        let sender: Int
        let intended: Instant
        let sentAt: Instant
    }

    /// What one socket sends.
    private struct Direction {
        /// The command, without its text.
        let frame: WireClientFrame
        /// How many relays are in flight and have not failed.
        var awaitedCount = 0
        /// How many in flight have failed, without it being known which: the server's errors do not say it.
        var failedCount = 0
        /// The latest relay that has arrived: they arrive in the order in which they were sent.
        var lastArrival: UInt32 = 0
    }

    private static let sweepSpan = Instant.Span.milliseconds(100)

    private let calls: [String?]
    private let content: RelayContent
    private let timeout: Instant.Span
    private var isAlive: [Bool]
    private var turns: PairTurns
    /// Whether the turn of a pair is the second user's.
    private var isSecondNext: [Bool]
    /// By socket.
    private var directions: [Direction]
    private var schedule: Schedule
    private var nextSweep: Instant
    private var outbox: [Outgoing] = []
    /// By number from 1.
    private var flights: [UInt32: Flight] = [:]
    private var lastNumber: UInt32 = 0
    private var oldestNumber: UInt32 = 1
    private var awaitedCount = 0

    private(set) var statistics = Statistics([late, delivery])

    /// Makes the traffic.
    /// - Parameters:
    ///   - calls: The ongoing call of each pair; a pair that has none stays silent.
    ///   - timeout: How long a relay may take from being sent to its delivery.
    init(pairs: [UserPair], calls: [String?], content: RelayContent, schedule: Schedule, timeout: Instant.Span) {
        self.calls = calls
        self.content = content
        self.schedule = schedule
        self.timeout = timeout
        isAlive = calls.map { $0 != nil }
        turns = PairTurns(count: pairs.count)
        isSecondNext = Array(repeating: false, count: pairs.count)
        directions = zip(pairs, calls).flatMap { pair, call in
            [
                Direction(frame: content.frame(call: call ?? "", from: .caller, to: pair.second)),
                Direction(frame: content.frame(call: call ?? "", from: .callee, to: pair.first)),
            ]
        }
        nextSweep = schedule.start + Self.sweepSpan
    }

    var isFinished: Bool { schedule.next == nil && awaitedCount == 0 }

    var nextWake: Instant { min(nextSweep, schedule.next ?? nextSweep) }

    mutating func advance(now: Instant) {
        while let intended = schedule.takeDue(now: now) {
            guard let pair = turns.take(where: { isAlive[$0] }) else {
                statistics.fail("not_started", count: 1 + schedule.takeRest())
                break
            }
            send(in: pair, intended: intended, now: now)
        }
        guard now >= nextSweep else { return }
        nextSweep = now + Self.sweepSpan
        while oldestNumber <= lastNumber {
            if let flight = flights[oldestNumber], isAlive[flight.sender / 2] {
                guard flight.sentAt + timeout <= now else { return }
                giveUp(on: flight.sender)
            }
            flights[oldestNumber] = nil
            oldestNumber += 1
        }
    }

    mutating func received(_ frame: WireServerFrame, on socket: Int, now: Instant) {
        guard isAlive[socket / 2] else { return }
        switch frame.body {
        case .error(let error)?: failOne(of: socket, error.code.word)
        case .event(let event)?:
            switch event.event {
            case .candidateReceived(let received)?:
                arrived(received.candidate.candidate, in: received.callID, on: socket, now: now)
            case .descriptionReceived(let received)?:
                arrived(received.description_p.sdp, in: received.callID, on: socket, now: now)
            default:
                let status = calls[socket / 2].flatMap { event.status(of: $0) }
                if status?.isOver == true { drop(socket / 2, "ended_early") }
            }
        case .ok?, nil: break
        }
    }

    mutating func lost(socket: Int, code: String, now: Instant) { drop(socket / 2, code) }

    mutating func takeOutbox() -> [Outgoing] {
        defer { outbox = [] }
        return outbox
    }

    // MARK: Sending

    private mutating func send(in pair: Int, intended: Instant, now: Instant) {
        let sender = pair * 2 + (isSecondNext[pair] ? 1 : 0)
        isSecondNext[pair].toggle()
        lastNumber += 1
        flights[lastNumber] = Flight(sender: sender, intended: intended, sentAt: now)
        directions[sender].awaitedCount += 1
        awaitedCount += 1
        statistics.start()
        statistics.record(Self.late, now - intended)
        outbox.append(
            Outgoing(socket: sender, frame: content.frame(directions[sender].frame, number: lastNumber)))
    }

    // MARK: Outcomes

    private mutating func arrived(_ text: String, in call: String, on socket: Int, now: Instant) {
        let sender = socket ^ 1
        guard call == calls[socket / 2], let number = content.number(in: text), number <= lastNumber else {
            return failOne(of: sender, "altered")
        }
        let flight = flights[number]
        // The one that it was meant for still waits for it.
        guard (flight?.sender ?? sender) == sender else { return statistics.note("altered") }
        let isInOrder = number > directions[sender].lastArrival
        directions[sender].lastArrival = max(number, directions[sender].lastArrival)
        guard let flight else {
            // One that is too late has been counted; one that comes twice has not.
            if !isInOrder { statistics.note("altered") }
            return
        }
        flights[number] = nil
        guard directions[sender].awaitedCount > 0 else {
            // The error that was counted instead was not about this one.
            directions[sender].failedCount -= 1
            return
        }
        settle(sender)
        guard isInOrder else { return statistics.fail("altered") }
        statistics.record(Self.delivery, now - flight.intended)
        statistics.complete(now: now)
    }

    /// Counts the failure of a relay in flight without knowing which of them it is.
    private mutating func failOne(of sender: Int, _ code: String) {
        guard directions[sender].awaitedCount > 0 else { return statistics.note(code) }
        settle(sender)
        directions[sender].failedCount += 1
        statistics.fail(code)
    }

    /// Gives up a relay: it is one that has failed before, or it is lost.
    private mutating func giveUp(on sender: Int) {
        guard directions[sender].failedCount == 0 else {
            directions[sender].failedCount -= 1
            return
        }
        settle(sender)
        statistics.fail("timeout")
    }

    /// The pair has no sockets or no call any more.
    private mutating func drop(_ pair: Int, _ code: String) {
        guard isAlive[pair] else { return }
        isAlive[pair] = false
        let count = directions[pair * 2].awaitedCount + directions[pair * 2 + 1].awaitedCount
        awaitedCount -= count
        if count > 0 { statistics.fail(code, count: count) } else { statistics.note(code) }
    }

    private mutating func settle(_ sender: Int) {
        directions[sender].awaitedCount -= 1
        awaitedCount -= 1
    }
}
