import Primitives
import SwiftProtobuf
import Wire

/// An effect of an input to a call.
enum CallEffect: Sendable, Equatable {
    /// Send a frame from this side.
    case send(CallFlow.Side, WireClientFrame)
    /// How long a step took.
    case measured(Measure, Instant.Span)
    /// Every step was done.
    case completed
    /// A step failed, and why.
    case failed(String)
    /// The pair is free for its next call.
    case free
}

/// The calls of one pair, one after the other: ring, answer, exchange descriptions and candidates, hang up.
///
/// A call that fails is hung up before the pair is used again, because the next invite would get the open call.
struct CallFlow: Sendable {
    /// One of the two.
    enum Side: Int, Sendable {
        case caller
        case callee
    }

    /// The ids that the clients generate for a call.
    struct Names: Sendable, Equatable {
        var call: String
        var accept: String
        var hangUp: String
    }

    /// Where the pair is.
    private enum State {
        /// No call. Can go to: running, gone.
        case idle
        /// In a call. Can go to: idle, clearing, gone.
        case running(Progress)
        /// The call failed and is being ended. Can go to: idle, gone.
        case clearing(Progress)
        /// A socket of the pair is lost. Can go to: nothing.
        case gone
    }

    /// How far a call has come.
    private struct Progress {
        let names: Names
        /// When the call was meant to start.
        let intended: Instant
        let sentAt: Instant
        /// The ids of the frames that are answered, one after the other: invite, accept, hang-up.
        let inviteID: UInt32
        var acceptID: UInt32 { inviteID + 1 }
        var hangUpID: UInt32 { inviteID + 2 }
        /// The server's id of the call; empty until it is known.
        var call = ""
        var isInviteAnswered = false
        var acceptedAt: Instant?
        var isAcceptAnswered = false
        var fromCaller = Passage()
        var fromCallee = Passage()
        var hungUpAt: Instant?
        var isHangUpAnswered = false
        var isEndSeen = false
        /// When to retry ending a failed call; nil while the answer is pending.
        var clearAgainAt: Instant?
    }

    /// What one side sends to the other.
    private struct Passage {
        /// When the description and the candidates were sent: at once.
        var sentAt: Instant?
        var hasDescription = false
        var candidateCount = 0
    }

    let users: UserPair
    private let signals: SyntheticSignals
    private var state = State.idle
    private var lastID: UInt32 = 0

    /// Makes a pair without a call.
    init(users: UserPair, signals: SyntheticSignals) {
        self.users = users
        self.signals = signals
    }

    /// Whether a call may start.
    var isIdle: Bool { if case .idle = state { true } else { false } }

    /// When the running call was started; nil when none is running.
    var runningSince: Instant? { if case .running(let progress) = state { progress.sentAt } else { nil } }

    // MARK: Inputs

    /// Starts a call.
    /// - Parameter intended: When it was meant to start; the first steps are measured from there.
    mutating func start(names: Names, intended: Instant, now: Instant) -> [CallEffect] {
        guard isIdle else { return [] }
        // Ids wrap long before they overflow; an answer that late is no longer awaited.
        lastID = lastID > 1_000_000_000 ? 1 : lastID + 3
        let progress = Progress(names: names, intended: intended, sentAt: now, inviteID: lastID)
        state = .running(progress)
        return [
            .measured(CallTraffic.late, now - intended),
            .send(
                .caller,
                .with {
                    $0.id = progress.inviteID
                    $0.callInvite.clientCallID = names.call
                    $0.callInvite.userID = users.second
                    $0.callInvite.type = .video
                    $0.callInvite.media = Self.media
                }),
        ]
    }

    /// Takes a frame from the server.
    mutating func received(_ frame: WireServerFrame, by side: Side, now: Instant) -> [CallEffect] {
        switch state {
        case .idle, .gone: return []
        case .running(var progress):
            // The next step sets the state again; until then nothing else holds the progress.
            state = .idle
            switch frame.body {
            case .ok(let ok)?: return answered(ok.call, to: frame.replyTo, side, &progress, now: now)
            case .error(let error)?:
                if side == .caller, frame.replyTo == progress.inviteID { progress.isInviteAnswered = true }
                return fail(progress, error.code.word)
            case .event(let event)?: return happened(event, side, &progress, now: now)
            case nil: return proceed(progress)
            }
        case .clearing(let progress):
            return clear(frame, side, progress, now: now)
        }
    }

    /// Retries ending a failed call, if it is time.
    mutating func clearAgain(now: Instant) -> [CallEffect] {
        guard case .clearing(var progress) = state, let due = progress.clearAgainAt, due <= now else { return [] }
        progress.clearAgainAt = nil
        state = .clearing(progress)
        return [hangUp(progress)]
    }

    /// The call takes too long.
    mutating func giveUp() -> [CallEffect] {
        guard case .running(let progress) = state else { return [] }
        return fail(progress, "timeout")
    }

    /// A socket of the pair is lost.
    mutating func lost(code: String) -> [CallEffect] {
        defer { state = .gone }
        if case .running = state { return [.failed(code)] }
        return []
    }

    // MARK: Steps

    private mutating func answered(
        _ call: WireCall, to id: UInt32, _ side: Side, _ progress: inout Progress, now: Instant
    ) -> [CallEffect] {
        switch (side, id) {
        case (.caller, progress.inviteID):
            progress.isInviteAnswered = true
            let isOther = !progress.call.isEmpty && progress.call != call.id
            progress.call = call.id
            // An invite to a user with whom there is an open call is answered with that call.
            guard !isOther, call.clientCallID == progress.names.call else { return fail(progress, "other_call") }
            return [.measured(CallTraffic.inviteReply, now - progress.intended)] + proceed(progress, now: now)
        case (.callee, progress.acceptID):
            progress.isAcceptAnswered = true
            let measured = progress.acceptedAt.map { CallEffect.measured(CallTraffic.acceptReply, now - $0) }
            return [measured].compactMap(\.self) + proceed(progress, now: now)
        case (.caller, progress.hangUpID):
            progress.isHangUpAnswered = true
            let measured = progress.hungUpAt.map { CallEffect.measured(CallTraffic.hangUpReply, now - $0) }
            return [measured].compactMap(\.self) + proceed(progress, now: now)
        default:
            return proceed(progress)
        }
    }

    private mutating func happened(
        _ event: WireEvent, _ side: Side, _ progress: inout Progress, now: Instant
    ) -> [CallEffect] {
        switch (side, event.event) {
        case (.callee, .callIncoming(let incoming)?)
        where incoming.call.clientCallID == progress.names.call && progress.acceptedAt == nil:
            progress.call = incoming.call.id
            progress.acceptedAt = now
            let accept = WireClientFrame.with {
                $0.id = progress.acceptID
                $0.callAccept.commandID = progress.names.accept
                $0.callAccept.callID = progress.call
                $0.callAccept.media = Self.media
            }
            return [.measured(CallTraffic.ring, now - progress.intended), .send(.callee, accept)] + proceed(progress)
        case (_, .callUpdated(let updated)?) where updated.call.id == progress.call:
            return changed(to: updated.call.status, side, &progress, now: now)
        case (_, .callChanged(let change)?) where change.callID == progress.call && change.hasState:
            return changed(to: change.state.status, side, &progress, now: now)
        case (.callee, .descriptionReceived(let received)?) where received.callID == progress.call:
            return described(received, \.fromCaller, expected: signals.offer, side, &progress, now: now)
        case (.caller, .descriptionReceived(let received)?) where received.callID == progress.call:
            return described(received, \.fromCallee, expected: signals.answer, side, &progress, now: now)
        case (.callee, .candidateReceived(let received)?) where received.callID == progress.call:
            return candidate(received.candidate, \.fromCaller, &progress, now: now)
        case (.caller, .candidateReceived(let received)?) where received.callID == progress.call:
            return candidate(received.candidate, \.fromCallee, &progress, now: now)
        default:
            return proceed(progress)
        }
    }

    private mutating func changed(
        to status: WireCallStatus, _ side: Side, _ progress: inout Progress, now: Instant
    ) -> [CallEffect] {
        switch (side, status) {
        case (.caller, .ongoing):
            guard progress.fromCaller.sentAt == nil, let acceptedAt = progress.acceptedAt else {
                return proceed(progress)
            }
            progress.fromCaller.sentAt = now
            let signals = signals(from: .caller, to: users.second, call: progress.call, isOffer: true)
            return [.measured(CallTraffic.accepted, now - acceptedAt)] + signals + proceed(progress)
        case (_, .completed), (_, .missed):
            guard let hungUpAt = progress.hungUpAt else { return fail(progress, "ended_early") }
            guard side == .callee, !progress.isEndSeen else { return proceed(progress) }
            progress.isEndSeen = true
            return [.measured(CallTraffic.hangUpTold, now - hungUpAt)] + proceed(progress, now: now)
        default:
            return proceed(progress)
        }
    }

    private mutating func described(
        _ received: WireDescriptionReceived, _ path: WritableKeyPath<Progress, Passage>, expected: String,
        _ side: Side, _ progress: inout Progress, now: Instant
    ) -> [CallEffect] {
        guard received.description_p.sdp == expected, !progress[keyPath: path].hasDescription,
            let sentAt = progress[keyPath: path].sentAt
        else { return fail(progress, "altered") }
        progress[keyPath: path].hasDescription = true
        var effects = [CallEffect.measured(CallTraffic.description, now - sentAt)]
        if side == .callee {
            progress.fromCallee.sentAt = now
            effects += signals(from: .callee, to: users.first, call: progress.call, isOffer: false)
        }
        return effects + proceed(progress, now: now)
    }

    private mutating func candidate(
        _ received: WireCandidate, _ path: WritableKeyPath<Progress, Passage>, _ progress: inout Progress, now: Instant
    ) -> [CallEffect] {
        let index = progress[keyPath: path].candidateCount
        // They are relayed in the order in which they were sent.
        guard index < signals.candidates.count, received.candidate == signals.candidates[index],
            let sentAt = progress[keyPath: path].sentAt
        else { return fail(progress, "altered") }
        progress[keyPath: path].candidateCount += 1
        return [.measured(CallTraffic.candidate, now - sentAt)] + proceed(progress, now: now)
    }

    // MARK: What comes next

    /// Keeps waiting.
    private mutating func proceed(_ progress: Progress) -> [CallEffect] {
        state = .running(progress)
        return []
    }

    /// Hangs up when everything has arrived, and completes when that is done; otherwise keeps waiting.
    private mutating func proceed(_ progress: Progress, now: Instant) -> [CallEffect] {
        if progress.isHangUpAnswered, progress.isEndSeen {
            state = .idle
            return [.completed, .free]
        }
        guard progress.hungUpAt == nil, progress.isInviteAnswered, progress.isAcceptAnswered,
            hasArrived(progress.fromCaller), hasArrived(progress.fromCallee)
        else { return proceed(progress) }
        var progress = progress
        progress.hungUpAt = now
        state = .running(progress)
        return [hangUp(progress)]
    }

    private func hasArrived(_ passage: Passage) -> Bool {
        passage.hasDescription && passage.candidateCount == signals.candidates.count
    }

    private mutating func fail(_ progress: Progress, _ code: String) -> [CallEffect] {
        if !progress.call.isEmpty {
            state = .clearing(progress)
            return [.failed(code), hangUp(progress)]
        }
        guard progress.isInviteAnswered else {
            // The answer to the invite may still arrive, and with it the call that has to be ended.
            state = .clearing(progress)
            return [.failed(code)]
        }
        state = .idle
        return [.failed(code), .free]
    }

    private mutating func clear(
        _ frame: WireServerFrame, _ side: Side, _ progress: Progress, now: Instant
    ) -> [CallEffect] {
        guard side == .caller else { return [] }
        var progress = progress
        switch (frame.replyTo, frame.body) {
        case (progress.inviteID, .ok(let ok)?) where progress.call.isEmpty:
            progress.call = ok.call.id
            state = .clearing(progress)
            return [hangUp(progress)]
        case (progress.hangUpID, .error(let error)?) where error.retryable:
            progress.clearAgainAt = now + .milliseconds(Int64(error.retryAfterMs))
            state = .clearing(progress)
            return []
        case (progress.inviteID, .error?) where progress.call.isEmpty, (progress.hangUpID, _):
            state = .idle
            return [.free]
        default:
            return []
        }
    }

    // MARK: Frames

    private static let media = WireMediaState.with {
        $0.microphone = true
        $0.camera = true
    }

    private func hangUp(_ progress: Progress) -> CallEffect {
        .send(
            .caller,
            .with {
                $0.id = progress.hangUpID
                $0.callHangUp.commandID = progress.names.hangUp
                $0.callHangUp.callID = progress.call
            })
    }

    /// A description and all candidates. They ask for no answer: the server answers only failures.
    private func signals(from side: Side, to user: String, call: String, isOffer: Bool) -> [CallEffect] {
        let description = WireClientFrame.with {
            $0.sendDescription.callID = call
            $0.sendDescription.userID = user
            $0.sendDescription.description_p.type = isOffer ? .offer : .answer
            $0.sendDescription.description_p.sdp = isOffer ? signals.offer : signals.answer
            $0.sendDescription.description_p.peerConnectionID = isOffer ? "caller" : "callee"
        }
        let candidates = signals.candidates.map { text in
            WireClientFrame.with {
                $0.sendCandidate.callID = call
                $0.sendCandidate.userID = user
                $0.sendCandidate.candidate.candidate = text
                $0.sendCandidate.candidate.sdpMid = "0"
                $0.sendCandidate.candidate.peerConnectionID = isOffer ? "caller" : "callee"
            }
        }
        return ([description] + candidates).map { .send(side, $0) }
    }
}
