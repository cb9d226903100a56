import Primitives

@testable import SignalingCore

/// A table of calls, with the people of `Scene`. The test gives it inputs, reads its outputs, and supplies their
/// outcomes.
struct TableScene {
    typealias Input = CallTable.Input
    typealias Output = CallTable.Output

    static let owner = CallOwner(node: NodeID(high: 0xA, low: 1), epoch: 3)
    static let otherOwner = CallOwner(node: NodeID(high: 0xA, low: 2), epoch: 4)
    /// The first call of a scene.
    static let call = CallID(high: 9, low: 9)
    static let conversation = ConversationID(high: 8, low: 8)
    static let everybody = [Scene.caller, Scene.callee, Scene.stranger, Scene.third, Scene.fourth]

    var table: CallTable
    var now = Scene.start
    /// Commits and look-ups that are not answered yet, the oldest first.
    private(set) var commits: [(id: CallTable.CommitID, call: CallID)] = []
    private(set) var lookUps: [(id: CallTable.CommitID, call: CallID)] = []
    private var lastRequest: UInt32 = 0

    /// A table that may write for an hour.
    init(rules: CallRules = CallRules()) {
        table = CallTable(rules: rules)
        take(Self.lease())
    }

    /// A direct call that is on disk and has rung since `start`.
    static func ringing(callees: [Callee] = [Callee(Scene.callee)], mode: Call.Mode = .direct) -> TableScene {
        var scene = TableScene()
        scene.invite(Self.invitation(callees, mode: mode))
        scene.commit(.stored)
        return scene
    }

    /// A direct call that the callee's phone answered after 5 s.
    static func ongoing() -> TableScene {
        var scene = ringing()
        scene.wait(.seconds(5))
        scene.ask(.accept(scene.name(), MediaState(microphone: true)), from: Scene.calleePhone)
        scene.commit(.stored)
        return scene
    }

    /// A group call that the callee and the third have answered, and the fourth has not.
    static func groupOngoing() -> TableScene {
        var scene = ringing(callees: [Callee(Scene.callee), Callee(Scene.third), Callee(Scene.fourth)], mode: .group)
        for origin in [Scene.calleePhone, Scene.thirdPhone] {
            scene.wait(.seconds(1))
            scene.ask(.accept(scene.name(), MediaState(microphone: true)), from: origin)
            scene.commit(.stored)
        }
        return scene
    }

    // MARK: In

    static func lease(for span: Instant.Span = .seconds(3600), from began: Instant = Scene.start) -> Input {
        .lease(Lease(holder: owner, until: began + span))
    }

    static func invitation(
        _ callees: [Callee] = [Callee(Scene.callee)], from caller: CallOrigin = Scene.callerPhone,
        mode: Call.Mode = .direct, call: CallID = call, in conversation: ConversationID = conversation
    ) -> Invitation {
        Invitation(
            call: call, conversation: conversation, mode: mode, caller: caller, callees: callees, type: .voice,
            media: MediaState(microphone: true), clientCallID: RequestID(high: 7, low: call.low))
    }

    static func profile(_ user: UserID) -> Profile {
        Profile(id: user, username: "user\(user.low)", displayName: "User \(user.low)")
    }

    /// A name for a command.
    mutating func name() -> RequestID { RequestID(high: 100, low: UInt64(lastRequest) + 1) }

    mutating func asked(
        _ origin: CallOrigin, newcomers: [UserID] = everybody, endings: UInt64 = 0
    ) -> CallTable.Asked {
        lastRequest += 1
        return CallTable.Asked(
            ReplyTo(origin, socket: 1, request: lastRequest), newcomers: newcomers.map(Self.profile), endings: endings)
    }

    mutating func wait(_ span: Instant.Span) { now = now + span }

    /// Gives the table an input, and at once drains what it can continue with, as the server does.
    @discardableResult
    mutating func take(_ input: Input) -> [Output] {
        var outputs = step(input)
        var next = 0
        while next < outputs.count {
            if case .drain(let id) = outputs[next] { outputs += step(.drainDue(id)) }
            next += 1
        }
        return outputs.filter { $0.kind != .drain }
    }

    /// Gives the table only this input.
    mutating func step(_ input: Input) -> [Output] {
        var outputs: [Output] = []
        table.handle(input, at: now, &outputs)
        for output in outputs {
            switch output {
            case .commit(let id, let change, over: _, by: _): commits.append((id, change.transition.call.id))
            case .lookUp(let id, let call): lookUps.append((id, call))
            default: break
            }
        }
        return outputs
    }

    @discardableResult
    mutating func invite(_ invitation: Invitation, endings: UInt64 = 0) -> [Output] {
        take(.invite(invitation, asked(invitation.caller, endings: endings)))
    }

    @discardableResult
    mutating func ask(
        _ command: CallCommand, from origin: CallOrigin, of call: CallID = call, endings: UInt64 = 0
    ) -> [Output] {
        take(.command(command, call, asked(origin, endings: endings)))
    }

    /// A change that only shows.
    @discardableResult
    mutating func mute(_ origin: CallOrigin = Scene.callerPhone, of call: CallID = call) -> [Output] {
        ask(.setMedia(MediaState()), from: origin, of: call)
    }

    /// Answers the oldest commit.
    @discardableResult
    mutating func commit(_ outcome: CallTable.CommitOutcome) -> [Output] {
        let commit = commits.removeFirst()
        return take(.committed(commit.id, commit.call, outcome))
    }

    /// Answers the oldest look-up.
    @discardableResult
    mutating func lookUp(_ found: CallTable.LookUp) -> [Output] {
        let lookUp = lookUps.removeFirst()
        return take(.lookedUp(lookUp.id, lookUp.call, found))
    }

    /// Advances time to when the table wants to be woken.
    @discardableResult
    mutating func wake() -> [Output] {
        if let due = table.nextWake { now = max(now, due) }
        return take(.timePassed)
    }

    // MARK: Out

    /// The call as its owner knows it.
    func state(_ id: CallID = call) -> Call? { table.calls[id]?.call }

    func participant(_ user: UserID, of id: CallID = call) -> Participant? { state(id)?.participant(user) }
}

/// The kinds of a table's outputs.
enum OutputKind {
    case commit
    case foundStored
    case reply
    case deliver
    case lookUp
    case answerFromArchive
    case answerRepeatedInvite
    case recheck
    case resync
    case feignRinging
    case letGo
    case drain
    case rest
    case opened
    case closed
    case connection
}

extension CallTable.Output {
    var kind: OutputKind {
        switch self {
        case .commit: .commit
        case .foundStored: .foundStored
        case .reply: .reply
        case .deliver: .deliver
        case .lookUp: .lookUp
        case .answerFromArchive: .answerFromArchive
        case .answerRepeatedInvite: .answerRepeatedInvite
        case .recheck: .recheck
        case .resync: .resync
        case .feignRinging: .feignRinging
        case .letGo: .letGo
        case .drain: .drain
        case .rest: .rest
        case .opened: .opened
        case .closed: .closed
        case .connection: .connection
        }
    }
}

/// The answer to a command, without the call.
enum Answer: Equatable {
    case done
    case refused(CallRefusal)
    case unavailable
    case failed
    case other
}

extension [CallTable.Output] {
    var kinds: [OutputKind] { map(\.kind) }

    var answers: [Answer] {
        compactMap {
            guard case .reply(_, let reply) = $0 else { return nil }
            switch reply {
            case .done: return .done
            case .refused(let refusal, _): return .refused(refusal)
            case .unavailable: return .unavailable
            case .failed: return .failed
            case .limited, .usedUp: return .other
            }
        }
    }

    /// Who is told what. The table does not decide whether a change is sent as the whole call or as a difference: here
    /// both are the call.
    var deliveries: [CallDelivery] {
        flatMap {
            guard case .deliver(var event, _, let addresses) = $0 else { return [CallDelivery]() }
            if case .changed = event { event = .updated }
            return addresses.map { CallDelivery(to: $0, event) }
        }
    }

    /// The writes, and over which revisions.
    var writes: [(change: RecordedChange, revision: Int64)] {
        compactMap {
            guard case .commit(_, let change, over: let revision, by: _) = $0 else { return nil }
            return (change, revision)
        }
    }
}
