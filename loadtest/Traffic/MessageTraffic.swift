import Primitives
import SwiftProtobuf
import Wire

/// The scenario `messages`: the first user of each pair writes to the second, in turn, at a fixed rate.
struct MessageTraffic: Traffic {
    /// How late the tool itself was.
    static let late = Measure(key: "late_start", title: "intended start to send")
    /// The message is on disk.
    static let reply = Measure(key: "send_reply", title: "send to reply (durable)")
    /// The message is at the other user's device.
    static let delivery = Measure(key: "send_delivery", title: "send to delivery")

    /// A message in flight.
    private struct Flight {
        let pair: Int
        let name: String
        let intended: Instant
        let sentAt: Instant
        var isReplied = false
        var isDelivered = false
    }

    private static let sweepSpan = Instant.Span.milliseconds(100)

    private let pairs: [UserPair]
    private let body: String
    private let timeout: Instant.Span
    private var isAlive: [Bool]
    private var turns: PairTurns
    private var schedule: Schedule
    private var names: RequestNames
    private var nextSweep: Instant
    private var outbox: [Outgoing] = []
    /// By number from 1, which is the frame's id too.
    private var flights: [UInt32: Flight] = [:]
    private var numbers: [String: UInt32] = [:]
    private var lastNumber: UInt32 = 0
    private var oldestNumber: UInt32 = 1

    private(set) var statistics = Statistics([late, reply, delivery])

    /// Makes the traffic.
    /// - Parameters:
    ///   - timeout: How long a message may take from being sent to the later of reply and delivery.
    ///   - bytes: How long each message is.
    ///   - seed: Random.
    init(pairs: [UserPair], schedule: Schedule, timeout: Instant.Span, bytes: Int, seed: UInt64) {
        self.pairs = pairs
        self.schedule = schedule
        self.timeout = timeout
        body = String(repeating: "m", count: bytes)
        isAlive = Array(repeating: true, count: pairs.count)
        turns = PairTurns(count: pairs.count)
        names = RequestNames(seed: seed)
        nextSweep = schedule.start + Self.sweepSpan
    }

    var isFinished: Bool { schedule.next == nil && flights.isEmpty }

    var nextWake: Instant { min(nextSweep, schedule.next ?? nextSweep) }

    mutating func advance(now: Instant) {
        while let intended = schedule.takeDue(now: now) {
            guard let pair = turns.take(where: { isAlive[$0] }) else {
                statistics.fail("not_started", count: 1 + schedule.takeRest())
                break
            }
            send(from: pair, intended: intended, now: now)
        }
        guard now >= nextSweep else { return }
        nextSweep = now + Self.sweepSpan
        while oldestNumber <= lastNumber {
            if let flight = flights[oldestNumber] {
                guard flight.sentAt + timeout <= now else { return }
                fail(oldestNumber, "timeout")
            }
            oldestNumber += 1
        }
    }

    mutating func received(_ frame: WireServerFrame, on socket: Int, now: Instant) {
        switch frame.body {
        case .ok(let ok)?:
            guard case .message? = ok.result, let flight = flights[frame.replyTo] else { return }
            statistics.record(Self.reply, now - flight.intended)
            flights[frame.replyTo]?.isReplied = true
            land(frame.replyTo, now: now)
        case .error(let error)?:
            fail(frame.replyTo, error.code.word)
        case .event(let event)?:
            guard case .messageReceived(let received)? = event.event,
                let number = numbers[received.message.clientMessageID], let flight = flights[number],
                socket == flight.pair * 2 + 1, !flight.isDelivered
            else { return }
            guard received.message.body == body else { return fail(number, "altered") }
            statistics.record(Self.delivery, now - flight.intended)
            flights[number]?.isDelivered = true
            land(number, now: now)
        case nil: break
        }
    }

    mutating func lost(socket: Int, code: String, now: Instant) {
        let pair = socket / 2
        guard isAlive[pair] else { return }
        isAlive[pair] = false
        for (number, flight) in flights where flight.pair == pair { fail(number, code) }
    }

    mutating func takeOutbox() -> [Outgoing] {
        defer { outbox = [] }
        return outbox
    }

    private mutating func send(from pair: Int, intended: Instant, now: Instant) {
        lastNumber += 1
        let name = names.next(at: now)
        flights[lastNumber] = Flight(pair: pair, name: name, intended: intended, sentAt: now)
        numbers[name] = lastNumber
        statistics.start()
        statistics.record(Self.late, now - intended)
        outbox.append(
            Outgoing(
                socket: pair * 2,
                frame: .with {
                    $0.id = lastNumber
                    $0.sendMessage.clientMessageID = name
                    $0.sendMessage.userID = pairs[pair].second
                    $0.sendMessage.body = body
                }))
    }

    private mutating func land(_ number: UInt32, now: Instant) {
        guard let flight = flights[number], flight.isReplied, flight.isDelivered else { return }
        forget(number)
        statistics.complete(now: now)
    }

    private mutating func fail(_ number: UInt32, _ code: String) {
        guard flights[number] != nil else { return }
        forget(number)
        statistics.fail(code)
    }

    private mutating func forget(_ number: UInt32) {
        guard let flight = flights.removeValue(forKey: number) else { return }
        numbers[flight.name] = nil
    }
}
