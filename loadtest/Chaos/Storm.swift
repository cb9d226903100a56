import HeapModule
import Primitives
import SwiftProtobuf
import Wire

/// What hundreds of people do with their calls, as a plain value: it is told what happens and when, and says what to
/// send. It outlives its sockets: a disconnected device comes back and repeats what was not answered.
struct Storm: Sendable {
    /// The settings of a storm.
    struct Settings: Sendable {
        /// Calls a second.
        var rate: Double
        /// Messages a second.
        var messageRate = 10.0
        /// Whether devices go away by themselves now and then.
        var devicesGoAway = true
    }

    /// Somebody with devices.
    struct Person: Sendable {
        var user: String
        /// Indices of the devices.
        var devices: [Int]
    }

    /// Something that a device intends to do.
    private struct Plan: Comparable {
        var due: Instant
        /// Keeps plans for the same time in the order in which they were made.
        var order: Int
        var place: Int
        var intent: Intent

        static func < (left: Plan, right: Plan) -> Bool { (left.due, left.order) < (right.due, right.order) }
        static func == (left: Plan, right: Plan) -> Bool { left.order == right.order }
    }

    enum Intent {
        case act(StormAction, call: String)
        /// Relay a candidate to everybody in the call, and again after a while.
        case trickle(call: String)
        case goAway
    }

    private static let sweepSpan = Instant.Span.milliseconds(50)

    let settings: Settings
    let people: [Person]
    private let start: Instant
    private(set) var devices: [ModelDevice]
    private(set) var ledger = Ledger()
    var statistics = StormStatistics()
    var random: SeededGenerator
    private var names: RequestNames
    private var plans = Heap<Plan>()
    private var planCount = 0
    private var outbox: [Outgoing] = []
    private var closings: [Int] = []
    private var nextCall: Instant
    private var nextMessage: Instant
    /// When to look for commands to repeat.
    private var nextSweep: Instant
    private var isCalm = false
    private var outage = Outage.none
    private var placedCalls: Set<String> = []
    private var answeredCalls: Set<String> = []
    var mindMade: Set<Decision> = []

    /// Decisions that are made only once, however often the call is shown.
    struct Decision: Hashable {
        var call: String
        var place: Int
        var status: String
    }

    /// Makes a storm.
    /// - Parameters:
    ///   - people: Their devices' indices point into `devices`.
    ///   - seed: The same seed makes the same choices.
    init(people: [Person], devices: [ModelDevice], settings: Settings, seed: UInt64, start: Instant) {
        self.people = people
        self.devices = devices
        self.settings = settings
        random = SeededGenerator(seed: seed)
        names = RequestNames(seed: random.next())
        self.start = start
        nextCall = start
        nextMessage = start
        nextSweep = start
    }

    // MARK: What happens

    /// A device was welcomed.
    mutating func connected(_ place: Int, snapshot: [WireCall], now: Instant) {
        statistics.reconnects += 1
        let (repeats, vanished) = devices[place].connect(snapshot.map(CallPicture.init))
        statistics.repeats += repeats.count
        for frame in repeats { outbox.append(Outgoing(socket: place, frame: frame)) }
        for call in vanished { fetch(call, at: place, now: now) }
        for call in snapshot {
            ledger.note(call.id, now, devices[place].id, "is back: \(CallPicture(call))")
            decide(CallPicture(call), at: place, now: now)
        }
    }

    /// A socket is gone.
    mutating func lost(_ place: Int, reason: String, now: Instant) {
        guard devices[place].isConnected else { return }
        devices[place].disconnect()
        statistics.losses[reason, default: 0] += 1
        if outage != .none { report(.socketLostInOutage, "device \(devices[place].id): \(reason)") }
        for call in devices[place].open.keys { ledger.note(call, now, devices[place].id, "was cut off: \(reason)") }
    }

    /// A frame arrived.
    mutating func received(_ frame: WireServerFrame, on place: Int, now: Instant) {
        switch frame.body {
        case .ok(let ok)?: answered(frame.replyTo, ok, on: place, now: now)
        case .error(let error)?: failed(frame.replyTo, error, on: place, now: now)
        case .event(let event)?: happened(event, on: place, now: now)
        case nil: break
        }
    }

    /// No more calls are placed and nobody goes away: everything under way comes to its end.
    mutating func quiesce(now: Instant) {
        isCalm = true
        statistics.stormSeconds = Double((now - start).microseconds) / 1_000_000
    }

    /// The state of the database, as known to the part that takes it away.
    enum Outage: Sendable {
        case none
        /// It is being taken away or brought back.
        case near
        case away
    }

    /// The database is away, or back.
    mutating func setOutage(_ outage: Outage) { self.outage = outage }

    /// Whether every device is connected and nothing waits for an answer.
    var isQuiet: Bool { devices.allSatisfy { $0.isConnected && $0.pending.isEmpty } }

    /// The ledger with the final state of every device.
    func closedLedger() -> Ledger {
        var ledger = ledger
        for device in devices {
            for picture in Array(device.open.values) + Array(device.ended.values) {
                ledger.views.append(Ledger.View(device: device.id, user: device.user, picture: picture))
            }
            for pending in device.pending.values {
                ledger.sightings.append(
                    Violation(
                        kind: .unanswered, call: pending.call,
                        text: "\(pending.action.word) of \(device.user) has no answer after \(pending.attempts) tries"))
            }
        }
        return ledger
    }

    // MARK: Due work

    /// When `advance(now:)` has something to do, if nothing happens before.
    var nextWake: Instant {
        var wake = min(nextCall, nextMessage, nextSweep)
        if let plan = plans.min { wake = min(wake, plan.due) }
        return wake
    }

    /// Does what is due.
    mutating func advance(now: Instant) {
        while let plan = plans.min, plan.due <= now {
            _ = plans.popMin()
            carryOut(plan, now: now)
        }
        while nextCall <= now {
            nextCall = nextCall + .milliseconds(Int64((1000 / settings.rate).rounded()))
            if !isCalm { placeCall(now: now) }
        }
        while nextMessage <= now {
            nextMessage = nextMessage + .milliseconds(Int64((1000 / settings.messageRate).rounded()))
            if !isCalm { sendMessage(now: now) }
        }
        guard nextSweep <= now else { return }
        nextSweep = now + Self.sweepSpan
        for place in devices.indices {
            for frame in devices[place].takeRetries(now: now) {
                statistics.repeats += 1
                outbox.append(Outgoing(socket: place, frame: frame))
            }
        }
    }

    mutating func takeOutbox() -> [Outgoing] {
        defer { outbox = [] }
        return outbox
    }

    /// The sockets to close, such as those of devices that go away.
    mutating func takeClosings() -> [Int] {
        defer { closings = [] }
        return closings
    }

    /// When a device that has no socket may try again.
    mutating func nextTry(_ place: Int, now: Instant) -> Instant {
        max(devices[place].awayUntil ?? now, now + random.span(50...450))
    }

    // MARK: Asking

    private mutating func ask(_ action: StormAction, call: String, at place: Int, now: Instant) {
        let frame = StormFrames.command(action, call: call, name: names.next(at: now))
        send(devices[place].ask(action, call: call, frame), at: place)
        ledger.note(call, now, devices[place].id, "asks: \(action.word)")
    }

    /// Fetches a call, unless it is being fetched.
    private mutating func fetch(_ call: String, at place: Int, now: Instant) {
        if !devices[place].pending.values.contains(where: { $0.action == .fetch && $0.call == call }) {
            ask(.fetch, call: call, at: place, now: now)
        }
    }

    private mutating func send(_ frame: WireClientFrame, at place: Int) {
        if devices[place].isConnected { outbox.append(Outgoing(socket: place, frame: frame)) }
    }

    mutating func plan(_ intent: Intent, at place: Int, due: Instant) {
        planCount += 1
        plans.insert(Plan(due: due, order: planCount, place: place, intent: intent))
    }

    private mutating func placeCall(now: Instant) {
        for _ in 0..<20 {
            let caller = Int.random(in: people.indices, using: &random)
            let callee = Int.random(in: people.indices, using: &random)
            guard caller != callee, isFree(caller), isFree(callee),
                let place = people[caller].devices.randomElement(using: &random), devices[place].isConnected
            else { continue }
            let name = names.next(at: now)
            let frame = StormFrames.invite(people[callee].user, name: name)
            return send(devices[place].ask(.invite, call: "", frame), at: place)
        }
        statistics.skipped += 1
    }

    private func isFree(_ person: Int) -> Bool { !people[person].devices.contains { devices[$0].isBusy } }

    private mutating func sendMessage(now: Instant) {
        let sender = Int.random(in: people.indices, using: &random)
        // Few partners, so that conversations grow.
        let partner = (sender + Int.random(in: 1...3, using: &random)) % people.count
        guard sender != partner, let place = people[sender].devices.randomElement(using: &random) else { return }
        let body = String(random.next(), radix: 36)
        let frame = StormFrames.message(body, to: people[partner].user, name: names.next(at: now))
        send(devices[place].ask(.message, call: "", frame), at: place)
    }

    // MARK: Doing

    private mutating func carryOut(_ plan: Plan, now: Instant) {
        let device = devices[plan.place]
        switch plan.intent {
        case .goAway:
            guard device.isConnected, !isCalm else { return }
            devices[plan.place].awayUntil = now + random.span(500...8000)
            closings.append(plan.place)
        case .trickle(let call):
            guard device.isIn(call), let picture = device.open[call] else { return }
            for member in picture.members where member.status == "connected" && member.user != device.user {
                send(StormFrames.candidate("candidate:1", call: call, to: member.user), at: plan.place)
            }
            self.plan(.trickle(call: call), at: plan.place, due: now + .seconds(1))
        case .act(let action, let call):
            guard let picture = device.open[call] else { return }
            switch action {
            case .accept, .decline, .ringing:
                guard picture.member(device.user)?.status == "ringing" else { return }
            case .cancel: guard picture.status == "initiated" else { return }
            case .hangUp, .add, .startShare, .stopShare: guard device.isIn(call) else { return }
            case .move:
                guard picture.member(device.user)?.status == "connected", !device.isIn(call) else { return }
            case .join:
                guard picture.isGroup, picture.member(device.user)?.status == "left" else { return }
            case .invite, .fetch, .message: break
            }
            ask(action, call: call, at: plan.place, now: now)
        }
    }

    // MARK: Hearing

    private mutating func answered(_ number: UInt32, _ ok: WireOk, on place: Int, now: Instant) {
        guard number > 1, let pending = devices[place].settle(number) else { return }
        statistics.acknowledged += 1
        switch ok.result {
        case .call(let call)?:
            let picture = CallPicture(call)
            ledger.note(picture.id, now, devices[place].id, "\(pending.action.word) is acknowledged: \(picture)")
            var acknowledgement = Acknowledgement(
                action: pending.action, user: devices[place].user, device: devices[place].id, picture: picture)
            if pending.action == .invite {
                acknowledgement.clientCallID = pending.frame.callInvite.clientCallID
                if placedCalls.insert(picture.id).inserted { statistics.placed += 1 }
            }
            ledger.acknowledgements.append(acknowledgement)
            see(picture, at: place, isEvent: false, isReplacement: pending.action == .fetch, now: now)
            if devices[place].isBehind(picture.id) { fetch(picture.id, at: place, now: now) }
        case .message(let message)?:
            statistics.messages += 1
            note(message)
        case .welcome?, .pong?, nil: break
        }
    }

    private mutating func failed(_ number: UInt32, _ error: WireError, on place: Int, now: Instant) {
        if error.code == .unavailable {
            statistics.unavailable += 1
            if outage == .away { statistics.unavailableInOutage += 1 }
        }
        if error.code == .internal || error.code == .invalid || error.code == .unspecified {
            report(.serverFault, "\(error.code.word): \(error.message)")
        }
        guard let pending = devices[place].pending[number] else { return }
        if error.code == .unavailable, !error.retryable {
            report(.serverFault, "UNAVAILABLE is not retryable: \(error.message)")
        }
        if error.retryable {
            devices[place].postpone(number, until: now + .milliseconds(max(100, Int64(error.retryAfterMs))))
        } else {
            _ = devices[place].settle(number)
            statistics.refused[error.code.word, default: 0] += 1
            ledger.note(pending.call, now, devices[place].id, "\(pending.action.word) is refused: \(error.code.word)")
        }
        if error.hasCall { see(CallPicture(error.call), at: place, isEvent: false, now: now) }
    }

    private mutating func happened(_ event: WireEvent, on place: Int, now: Instant) {
        switch event.event {
        case .callIncoming(let event)?: see(CallPicture(event.call), at: place, isEvent: true, now: now)
        case .callUpdated(let event)?: see(CallPicture(event.call), at: place, isEvent: true, now: now)
        case .callRingStopped(let event)?: see(CallPicture(event.call), at: place, isEvent: true, now: now)
        case .callMoved(let event)?: see(CallPicture(event.call), at: place, isEvent: true, now: now)
        case .callChanged(let change)?: see(change, at: place, now: now)
        case .candidateReceived?, .descriptionReceived?:
            statistics.relayed += 1
            if outage == .away { statistics.relayedInOutage += 1 }
        case .messageReceived(let event)?: note(event.message)
        default: break
        }
    }

    private mutating func see(
        _ picture: CallPicture, at place: Int, isEvent: Bool, isReplacement: Bool = false, now: Instant
    ) {
        if isEvent { ledger.note(picture.id, now, devices[place].id, "hears: \(picture)") }
        if picture.answeredAt != nil, answeredCalls.insert(picture.id).inserted { statistics.answered += 1 }
        let fault =
            isReplacement ? devices[place].replace(picture) : devices[place].see(picture, isEvent: isEvent)
        if let fault { report(fault.kind, "device \(devices[place].id): \(fault.text)", call: picture.id) }
        decide(picture, at: place, now: now)
    }

    private mutating func see(_ change: WireCallChanged, at place: Int, now: Instant) {
        let fault: ModelDevice.Fault?
        switch devices[place].look(at: change) {
        case .news(let picture): return see(picture, at: place, isEvent: true, now: now)
        case .known(let known): fault = known
        case .missed(let missed):
            fault = missed
            fetch(change.callID, at: place, now: now)
        }
        if let fault { report(fault.kind, "device \(devices[place].id): \(fault.text)", call: change.callID) }
    }

    private mutating func note(_ message: WireMessage) {
        ledger.messages.append(
            KnownMessage(
                conversation: message.conversationID, seq: Int64(clamping: message.seq), sender: message.senderID,
                clientMessageID: message.clientMessageID, body: message.body))
    }

    private mutating func report(_ kind: Violation.Kind, _ text: String, call: String = "") {
        // Many devices may notice the same fault; the first sightings are enough.
        if ledger.sightings.count < 1000 { ledger.sightings.append(Violation(kind: kind, call: call, text: text)) }
    }
}
