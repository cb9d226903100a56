import Primitives
import Testing

@testable import SignalingCore

/// Random schedules against what must hold in every one of them. A failure names the seed that found it.
@Suite("What must hold in every schedule")
struct CallInvariantTests {
    @Test("Random schedules", arguments: 0..<20)
    func schedules(_ batch: Int) {
        for seed in batch * 100..<(batch + 1) * 100 {
            var walk = Walk(seed: UInt64(seed))
            for _ in 0..<60 {
                walk.step()
                if let broken = walk.broken {
                    Issue.record("seed \(seed): \(broken)\n\(walk.trace.joined(separator: "\n"))")
                    return
                }
            }
            walk.waitForTheEnd()
            if let broken = walk.broken {
                Issue.record("seed \(seed): \(broken)\n\(walk.trace.joined(separator: "\n"))")
                return
            }
        }
    }
}

/// A call with its stored rows beside it, moved on at random.
private struct Walk {
    var scene = Scene.ringing()
    var rows = StoredCall(Scene.ringing().call)
    var random: SplitMix64
    var broken: String?
    var trace: [String] = []

    init(seed: UInt64) {
        random = SplitMix64(state: seed)
    }

    mutating func step() {
        scene.wait(Instant.Span(microseconds: Int64.random(in: 0...12_000_000, using: &random)))
        if Int.random(in: 0..<25, using: &random) == 0 {
            trace.append("restart")
            scene.call = rows.call(of: scene.call).adopted(at: scene.now, lastSeen: scene.now)
            rows.revision = scene.call.revision
        }
        let input = randomInput()
        trace.append("\(scene.now) \(input)")
        check(scene.handle(input))
    }

    mutating func waitForTheEnd() {
        for _ in 0..<8 where !scene.call.isEnded {
            trace.append("wait until \(String(describing: scene.call.nextDeadline))")
            if scene.call.nextDeadline == nil { broken = "an open call without a deadline" }
            check(scene.waitForDeadline())
        }
        if !scene.call.isEnded { broken = "a call that never ends" }
    }

    private mutating func check(_ transition: CallTransition) {
        if transition.changes.isEmpty, transition.call.phase != rows.phase { broken = "a phase that is not stored" }
        rows.apply(transition)
        if rows != StoredCall(transition.call) { broken = "rows \(rows) differ from \(StoredCall(transition.call))" }
        let call = scene.call
        if call.isEnded {
            if call.participants.contains(where: { $0.isRinging || $0.connection != nil }) {
                broken = "an ended call with somebody in it"
            }
            if !call.screenShares.isEmpty || !rows.openShares.isEmpty { broken = "an ended call with an open share" }
            if call.nextDeadline != nil { broken = "an ended call with a deadline" }
        } else if call.nextDeadline == nil {
            broken = "an open call without a deadline"
        }
        if let answeredAt = call.answeredAt, answeredAt < call.startedAt { broken = "answered before it started" }
        if let endedAt = call.endedAt, endedAt < call.answeredAt ?? call.startedAt { broken = "ended before it began" }
        for participant in call.participants {
            if case .left(let joinedAt?, let leftAt, _) = participant.state, leftAt < joinedAt {
                broken = "left before joining"
            }
        }
        if call.screenShares.count > 1 { broken = "two sharers" }
    }

    private mutating func randomInput() -> CallInput {
        let origins = [
            Scene.callerPhone, Scene.callerLaptop, Scene.calleePhone, Scene.calleeLaptop, Scene.strangersPhone,
        ]
        let origin = origins.randomElement(using: &random) ?? Scene.callerPhone
        let request = RequestID(high: 1, low: UInt64.random(in: 0..<200, using: &random))
        let other = origin.user == Scene.caller ? Scene.callee : Scene.caller
        switch Int.random(in: 0..<18, using: &random) {
        case 0: return .command(.accept(request, MediaState()), from: origin)
        case 1: return .command(.decline(request, isBusy: false, reachable: []), from: origin)
        case 2: return .command(.decline(request, isBusy: true, reachable: [origin.device]), from: origin)
        case 3: return .command(.cancel(request), from: origin)
        case 4: return .command(.hangUp(request, mediaFailed: Bool.random(using: &random)), from: origin)
        case 5: return .command(.move(request, MediaState()), from: origin)
        case 6: return .command(.setMedia(MediaState(camera: Bool.random(using: &random))), from: origin)
        case 7, 8: return .command(.startScreenShare(request), from: origin)
        case 9: return .command(.stopScreenShare(request), from: origin)
        case 10: return .command(.ringing(wokenByPush: Bool.random(using: &random)), from: origin)
        case 11:
            return .command(
                .signal(.offer(generation: UInt32.random(in: 0...2, using: &random)), to: other), from: origin)
        case 12: return .command(.signal(.candidate("c"), to: other), from: origin)
        case 13, 14: return .deviceLost(origin.user, origin.device)
        case 15, 16: return .deviceReturned(origin.user, origin.device)
        default: return .timePassed
        }
    }
}

/// What the database holds of a call, kept by applying the changes of its transitions.
private struct StoredCall: Equatable {
    var phase: Call.Phase
    var participants: [UserID: String]
    var states: [UserID: Participant]
    var openShares: [UserID: Instant]
    var revision: Int64

    init(_ call: Call) {
        phase = call.phase
        states = Dictionary(uniqueKeysWithValues: call.participants.map { ($0.user, $0) })
        participants = states.mapValues(Self.row)
        openShares = Dictionary(uniqueKeysWithValues: call.screenShares.map { ($0.sharer, $0.startedAt) })
        revision = call.revision
    }

    mutating func apply(_ transition: CallTransition) {
        for change in transition.changes {
            switch change {
            case .insertCall, .updateCall: phase = transition.call.phase
            case .putParticipant(let participant):
                states[participant.user] = participant
                participants[participant.user] = Self.row(participant)
            case .openShare(let share): openShares[share.sharer] = share.startedAt
            case .closeShare(let sharer, _, _): openShares[sharer] = nil
            }
        }
        revision = transition.call.revision
    }

    /// The call as a server makes it of the rows after a restart.
    func call(of call: Call) -> Call {
        Call(
            id: call.id, conversation: call.conversation, mode: call.mode, initiator: call.initiator,
            clientCallID: call.clientCallID, type: call.type, startedAt: call.startedAt,
            ringExpiresAt: call.ringExpiresAt, rules: call.rules, storedPhase: phase,
            storedParticipants: call.participants.compactMap { states[$0.user] },
            openShares: openShares.map { Call.ScreenShare(storedSharer: $0, startedAt: $1) }, isLocked: call.isLocked,
            revision: revision)
    }

    static func == (left: Self, right: Self) -> Bool {
        left.phase == right.phase && left.participants == right.participants && left.openShares == right.openShares
    }

    private static func row(_ participant: Participant) -> String {
        switch participant.state {
        case .ringing(let ringing): "ringing \(ringing.until)"
        case .connected(let connection): "connected \(connection.joinedAt) \(connection.device)"
        case .declined(let at, let reason): "declined \(at) \(reason)"
        case .left(let joinedAt, let at, let reason): "left \(String(describing: joinedAt)) \(at) \(reason)"
        }
    }
}
