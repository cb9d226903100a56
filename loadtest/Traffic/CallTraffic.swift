import Primitives
import Wire

/// The scenario `calls`: calls start at a fixed rate, each on a free pair.
struct CallTraffic: Traffic {
    /// How late the call was sent: the tool was busy, or no pair was free.
    static let late = Measure(key: "late_start", title: "intended start to send")
    /// The call is on disk.
    static let inviteReply = Measure(key: "invite_reply", title: "invite to reply (durable)")
    /// The callee's device rings.
    static let ring = Measure(key: "invite_ring", title: "invite to ring at the callee")
    /// The answer is on disk.
    static let acceptReply = Measure(key: "accept_reply", title: "accept to reply (durable)")
    /// The caller knows of the answer.
    static let accepted = Measure(key: "accept_updated", title: "accept to update at the caller")
    /// A description is at the other side.
    static let description = Measure(key: "relay_description", title: "description, one way")
    /// A candidate is at the other side.
    static let candidate = Measure(key: "relay_candidate", title: "candidate, one way")
    /// The end is on disk.
    static let hangUpReply = Measure(key: "hang_up_reply", title: "hang up to reply (durable)")
    /// The callee knows of the end.
    static let hangUpTold = Measure(key: "hang_up_updated", title: "hang up to update at the callee")

    private static let sweepSpan = Instant.Span.milliseconds(100)

    private var flows: [CallFlow]
    private let timeout: Instant.Span
    private var schedule: Schedule
    private var names: RequestNames
    private var nextSweep: Instant
    private var outbox: [Outgoing] = []
    private var turns: PairTurns
    private var idleCount: Int
    private var runningCount = 0
    private var isGone: [Bool]

    private(set) var statistics = Statistics([
        late, inviteReply, ring, acceptReply, accepted, description, candidate, hangUpReply, hangUpTold,
    ])

    /// Makes the traffic.
    /// - Parameters:
    ///   - timeout: How long a call may take, and how long after its intended start it may still be started.
    ///   - seed: Random.
    init(
        pairs: [UserPair], schedule: Schedule, timeout: Instant.Span, signals: SyntheticSignals = SyntheticSignals(),
        seed: UInt64
    ) {
        flows = pairs.map { CallFlow(users: $0, signals: signals) }
        isGone = Array(repeating: false, count: pairs.count)
        turns = PairTurns(count: pairs.count)
        idleCount = pairs.count
        self.schedule = schedule
        self.timeout = timeout
        names = RequestNames(seed: seed)
        nextSweep = schedule.start + Self.sweepSpan
    }

    var isFinished: Bool { schedule.next == nil && runningCount == 0 }

    var nextWake: Instant {
        guard idleCount > 0, let next = schedule.next else { return nextSweep }
        return min(next, nextSweep)
    }

    mutating func advance(now: Instant) {
        while idleCount > 0, let intended = schedule.takeDue(now: now) {
            guard let pair = turns.take(where: { flows[$0].isIdle }) else { break }
            start(pair, intended: intended, now: now)
        }
        guard now >= nextSweep else { return }
        nextSweep = now + Self.sweepSpan
        for pair in flows.indices {
            if let since = flows[pair].runningSince, since + timeout <= now {
                apply(flows[pair].giveUp(), pair, now: now)
            }
            apply(flows[pair].clearAgain(now: now), pair, now: now)
        }
        // No pair was free for so long that these calls would only measure the length of the queue.
        while let next = schedule.next, next + timeout <= now, schedule.takeDue(now: now) != nil {
            statistics.fail("no_free_pair")
        }
        if !isGone.contains(false) { statistics.fail("not_started", count: schedule.takeRest()) }
    }

    mutating func received(_ frame: WireServerFrame, on socket: Int, now: Instant) {
        let side: CallFlow.Side = socket.isMultiple(of: 2) ? .caller : .callee
        apply(flows[socket / 2].received(frame, by: side, now: now), socket / 2, now: now)
    }

    mutating func lost(socket: Int, code: String, now: Instant) {
        let pair = socket / 2
        guard !isGone[pair] else { return }
        isGone[pair] = true
        if flows[pair].isIdle { idleCount -= 1 }
        apply(flows[pair].lost(code: code), pair, now: now)
    }

    mutating func takeOutbox() -> [Outgoing] {
        defer { outbox = [] }
        return outbox
    }

    private mutating func start(_ pair: Int, intended: Instant, now: Instant) {
        idleCount -= 1
        runningCount += 1
        statistics.start()
        let names = CallFlow.Names(
            call: names.next(at: now), accept: names.next(at: now), hangUp: names.next(at: now))
        apply(flows[pair].start(names: names, intended: intended, now: now), pair, now: now)
    }

    private mutating func apply(_ effects: [CallEffect], _ pair: Int, now: Instant) {
        for effect in effects {
            switch effect {
            case .send(let side, let frame): outbox.append(Outgoing(socket: pair * 2 + side.rawValue, frame: frame))
            case .measured(let measure, let span): statistics.record(measure, span)
            case .completed:
                runningCount -= 1
                statistics.complete(now: now)
            case .failed(let code):
                runningCount -= 1
                statistics.fail(code)
            case .free: idleCount += 1
            }
        }
    }
}
