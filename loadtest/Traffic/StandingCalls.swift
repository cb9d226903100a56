import Primitives
import SwiftProtobuf
import Wire

/// One direct call for each pair, which stays open while something else is measured: all are established first, and
/// hung up in the end.
///
/// It is run twice: until every call is established or has failed, and after `hangUp()` until every call is over. The
/// call of a pair that has lost a socket is left to the server.
struct StandingCalls: Traffic {
    /// How many calls may be on their way at the same time: what is measured is not how they begin and end.
    static let width = 32

    /// Where the call of a pair is.
    private enum State {
        /// Not placed. Can go to: establishing, over.
        case idle
        /// Can go to: ongoing, failed, over.
        case establishing(Setup)
        /// Both sides know that it is ongoing. Can go to: ending, over.
        case ongoing(call: String)
        /// Not established; the call is empty unless the server has made it. Can go to: ending, over.
        case failed(call: String)
        /// Hung up, but not answered. Can go to: over.
        case ending(Ending)
        /// Can go to: nothing.
        case over
    }

    /// How far a call has come.
    private struct Setup {
        /// The ids that the clients generate for the call and for accepting it.
        let name: String
        let acceptName: String
        let since: Instant
        /// The server's id of the call; empty until it is known.
        var call = ""
        var isInviteAnswered = false
        var isAccepted = false
        var callerKnows = false
        var calleeKnows = false
    }

    /// A hang-up under way.
    private struct Ending {
        let name: String
        let call: String
        let since: Instant
        /// When to hang up again; nil while the answer is pending.
        var againAt: Instant?
    }

    private static let sweepSpan = Instant.Span.milliseconds(100)
    /// The ids of the frames that are answered; 1 is the hello of the socket.
    private static let inviteID: UInt32 = 2
    private static let acceptID: UInt32 = 3
    private static let hangUpID: UInt32 = 4
    private static let media = WireMediaState.with { $0.microphone = true }

    private let pairs: [UserPair]
    private let timeout: Instant.Span
    private var names: RequestNames
    private var states: [State]
    private var isHangingUp = false
    /// The pair whose turn is next.
    private var nextPair = 0
    private var pendingCount = 0
    private var nextSweep: Instant
    private var outbox: [Outgoing] = []

    /// Which calls were established and hung up, and why others were not.
    private(set) var statistics = Statistics([])

    /// Makes the calls, none of which is placed yet.
    /// - Parameters:
    ///   - timeout: How long a call may take to be established, and again to be hung up.
    ///   - seed: Random.
    init(pairs: [UserPair], timeout: Instant.Span, seed: UInt64, now: Instant) {
        self.pairs = pairs
        self.timeout = timeout
        names = RequestNames(seed: seed)
        states = Array(repeating: .idle, count: pairs.count)
        nextSweep = now + Self.sweepSpan
    }

    /// The server's ids of the calls by pair; nil for a pair whose call is not ongoing.
    var ongoing: [String?] {
        states.map { if case .ongoing(let call) = $0 { call } else { nil } }
    }

    /// Begins to hang up every call, those included that the server has made but that were not established in time.
    mutating func hangUp() {
        isHangingUp = true
        nextPair = 0
        pendingCount = 0
    }

    var isFinished: Bool { nextPair == pairs.count && pendingCount == 0 }

    var nextWake: Instant { nextSweep }

    mutating func advance(now: Instant) {
        beginDue(now: now)
        guard now >= nextSweep else { return }
        nextSweep = now + Self.sweepSpan
        for pair in states.indices {
            switch states[pair] {
            case .establishing(let setup):
                if setup.since + timeout <= now { fail(pair, call: setup.call, "timeout") }
            case .ending(let ending): sweep(pair, ending, now: now)
            case .idle, .ongoing, .failed, .over: break
            }
        }
        beginDue(now: now)
    }

    mutating func received(_ frame: WireServerFrame, on socket: Int, now: Instant) {
        let pair = socket / 2
        let side = CallFlow.Side(rawValue: socket % 2) ?? .caller
        switch (states[pair], frame.body) {
        case (.establishing(let setup), let body?): establish(pair, setup, body, to: frame.replyTo, side)
        case (.failed(""), .ok(let ok)?) where side == .caller && frame.replyTo == Self.inviteID:
            states[pair] = .failed(call: ok.call.id)
        case (.ending(let ending), let body?) where side == .caller && frame.replyTo == Self.hangUpID:
            end(pair, ending, body, now: now)
        case (.idle, _), (.establishing, _), (.ongoing, _), (.failed, _), (.ending, _), (.over, _): break
        }
    }

    mutating func lost(socket: Int, code: String, now: Instant) {
        let pair = socket / 2
        switch states[pair] {
        case .idle, .ongoing: statistics.fail(code)
        case .establishing, .ending:
            statistics.fail(code)
            pendingCount -= 1
        case .failed, .over: break
        }
        states[pair] = .over
    }

    mutating func takeOutbox() -> [Outgoing] {
        defer { outbox = [] }
        return outbox
    }

    // MARK: Steps

    /// Begins with as many pairs as may be on their way, in turn.
    private mutating func beginDue(now: Instant) {
        while pendingCount < Self.width, nextPair < pairs.count {
            let pair = nextPair
            nextPair += 1
            switch states[pair] {
            case .idle where !isHangingUp: invite(pair, now: now)
            case .ongoing(let call) where isHangingUp: hangUp(pair, call, now: now)
            case .failed(let call) where isHangingUp && !call.isEmpty: hangUp(pair, call, now: now)
            case .idle, .establishing, .ongoing, .failed, .ending, .over: break
            }
        }
    }

    private mutating func invite(_ pair: Int, now: Instant) {
        let setup = Setup(name: names.next(at: now), acceptName: names.next(at: now), since: now)
        states[pair] = .establishing(setup)
        pendingCount += 1
        statistics.start()
        send(
            pair, .caller,
            .with {
                $0.id = Self.inviteID
                $0.callInvite.clientCallID = setup.name
                $0.callInvite.userID = pairs[pair].second
                $0.callInvite.type = .voice
                $0.callInvite.media = Self.media
            })
    }

    private mutating func establish(
        _ pair: Int, _ setup: Setup, _ body: WireServerFrame.OneOf_Body, to id: UInt32, _ side: CallFlow.Side
    ) {
        var setup = setup
        switch (side, body) {
        case (.caller, .ok(let ok)) where id == Self.inviteID:
            // An invite to a user with whom there is an open call is answered with that call.
            guard ok.call.clientCallID == setup.name else { return fail(pair, call: ok.call.id, "other_call") }
            setup.call = ok.call.id
            setup.isInviteAnswered = true
        case (.callee, .ok(let ok)) where id == Self.acceptID:
            setup.calleeKnows = ok.call.status == .ongoing
        case (_, .error(let error)):
            return fail(pair, call: setup.call, error.code.word)
        case (_, .event(let event)):
            guard learn(pair, &setup, event, side) else { return }
        case (_, .ok): return
        }
        states[pair] = .establishing(setup)
        guard setup.isInviteAnswered, setup.callerKnows, setup.calleeKnows else { return }
        states[pair] = .ongoing(call: setup.call)
        pendingCount -= 1
    }

    /// Takes an event; false when the call has failed.
    private mutating func learn(
        _ pair: Int, _ setup: inout Setup, _ event: WireEvent, _ side: CallFlow.Side
    ) -> Bool {
        switch (side, event.event) {
        case (.callee, .callIncoming(let incoming)?)
        where incoming.call.clientCallID == setup.name && !setup.isAccepted:
            setup.call = incoming.call.id
            setup.isAccepted = true
            let accept = WireClientFrame.with {
                $0.id = Self.acceptID
                $0.callAccept.commandID = setup.acceptName
                $0.callAccept.callID = setup.call
                $0.callAccept.media = Self.media
            }
            send(pair, .callee, accept)
        default:
            guard let status = event.status(of: setup.call) else { return true }
            guard !status.isOver else {
                fail(pair, call: "", "ended_early")
                return false
            }
            if side == .caller, status == .ongoing { setup.callerKnows = true }
        }
        return true
    }

    private mutating func fail(_ pair: Int, call: String, _ code: String) {
        states[pair] = .failed(call: call)
        pendingCount -= 1
        statistics.fail(code)
    }

    private mutating func hangUp(_ pair: Int, _ call: String, now: Instant) {
        let ending = Ending(name: names.next(at: now), call: call, since: now)
        states[pair] = .ending(ending)
        pendingCount += 1
        send(pair, ending)
    }

    private mutating func end(_ pair: Int, _ ending: Ending, _ body: WireServerFrame.OneOf_Body, now: Instant) {
        switch body {
        case .error(let error) where error.retryable:
            var ending = ending
            ending.againAt = now + .milliseconds(Int64(error.retryAfterMs))
            states[pair] = .ending(ending)
        case .error(let error): settle(pair, error.code.word, now: now)
        case .ok: settle(pair, nil, now: now)
        case .event: break
        }
    }

    /// Gives up a hang-up, or tries it again, if it is time.
    private mutating func sweep(_ pair: Int, _ ending: Ending, now: Instant) {
        guard ending.since + timeout > now else { return settle(pair, "timeout", now: now) }
        guard let due = ending.againAt, due <= now else { return }
        var ending = ending
        ending.againAt = nil
        states[pair] = .ending(ending)
        send(pair, ending)
    }

    private mutating func settle(_ pair: Int, _ code: String?, now: Instant) {
        states[pair] = .over
        pendingCount -= 1
        if let code { statistics.fail(code) } else { statistics.complete(now: now) }
    }

    // MARK: Frames

    private mutating func send(_ pair: Int, _ ending: Ending) {
        send(
            pair, .caller,
            .with {
                $0.id = Self.hangUpID
                $0.callHangUp.commandID = ending.name
                $0.callHangUp.callID = ending.call
            })
    }

    private mutating func send(_ pair: Int, _ side: CallFlow.Side, _ frame: WireClientFrame) {
        outbox.append(Outgoing(socket: pair * 2 + side.rawValue, frame: frame))
    }
}

extension WireEvent {
    /// The status that the event gives a call; nil when it says nothing of it.
    func status(of call: String) -> WireCallStatus? {
        switch event {
        case .callUpdated(let updated)? where updated.call.id == call: updated.call.status
        case .callChanged(let change)? where change.callID == call && change.hasState: change.state.status
        default: nil
        }
    }
}

extension WireCallStatus {
    /// Whether a call with this status has ended.
    var isOver: Bool { self == .completed || self == .missed }
}
