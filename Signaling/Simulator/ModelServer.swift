import Primitives
import SignalingCore

/// The shell around the core, as `LiveCalls` is, in virtual time: each call's inputs one after the other, commit, then
/// reply, then fan out, deadlines, and outcomes of commits that nobody knows. All of it is lost in a crash.
struct ModelServer {
    struct LiveCall {
        /// The call as the database has it, but for what is never stored.
        var call: Call
        /// The call as the tables have it.
        var reference: Reference
        var storedRevision: Int64
        var standing = Standing.settled
        var waiting: [Waiting] = []
        /// When the call wants to be looked at.
        var armed: Instant?
        /// Whether a device came or went, and the call could not be told.
        var hasMissedDevices = false
        /// Who is to be out of the call, and is not yet on disk.
        var owed: [CallInput] = []
        /// What is told when.
        var pace = UpdatePace()
        /// When those who are kept waiting for the latest picture are to get it.
        var updatesDue: Instant?
    }

    enum Standing {
        case settled
        case committing
        case uncertain(Turn)
    }

    /// A transition on its way to disk, and what the tables say of it.
    struct Turn {
        let transition: CallTransition
        let reference: Reference
        let outcome: Reference.Outcome
        /// What it follows from.
        var input: CallInput?
    }

    enum Waiting {
        case input(CallInput, Asker?)
        case invite(PendingInvite)

        var isPassageOfTime: Bool {
            if case .input(.timePassed, _) = self { true } else { false }
        }
    }

    /// Who waits for an answer.
    struct Asker {
        let device: Int
        let connection: Int
        let frame: Int
    }

    struct PendingInvite {
        let target: Target
        let name: RequestID
        let asker: Asker
    }

    /// Who is called.
    enum Target {
        case user(UserID)
        /// All members of the group.
        case group
    }

    struct Session {
        let connection: Int
        /// Events that wait for the welcome to go out first; nil once it has.
        var held: [ServerFrame]? = []
        /// What the device was told of each call.
        var told: [Told] = []
    }

    struct Told {
        let call: CallID
        var revision: Int64
        var rings: Bool
    }

    var isUp = true
    /// Counts its starts: what was under way in an earlier life is nothing in this one.
    var life = 1
    var sendsUntilCrash: Int?
    /// It dies as soon as what happens now is over; nothing of it goes out any more.
    var isDying = false
    var calls: [LiveCall] = []
    /// When the server before this one was last known to be alive.
    var lastSeen = World.start
    var sessions = [Session?](repeating: nil, count: World.deviceCount)
    var invites: [PendingInvite] = []
    /// Ids go on over crashes: real ones are random.
    var lastCall: UInt64 = 0

    func isAlive(_ life: Int) -> Bool { isUp && self.life == life }

    static func callID(_ number: Int) -> CallID {
        CallID(high: 0xCA11, low: UInt64(number))
    }

    /// The conversation of the group.
    static let group = ConversationID(high: 0x96, low: 1)

    /// A direct conversation is named after its two users.
    static func conversation(_ one: UserID, _ other: UserID) -> ConversationID {
        ConversationID(high: min(one.low, other.low), low: max(one.low, other.low))
    }

    /// Whether a direct conversation is one of this user's.
    static func isDirect(_ conversation: ConversationID, of user: UserID) -> Bool {
        conversation != group && (conversation.high == user.low || conversation.low == user.low)
    }
}

/// How a commit goes wrong.
enum CommitFailure: CaseIterable {
    case unavailable
    /// It happened, and nobody knows.
    case unknownButDone
    /// It did not happen, and nobody knows.
    case unknownAndUndone
}

/// A transition's changes on their way to disk.
struct Unit {
    enum State {
        case underWay
        case done
        case refused
        case unavailable
        case unknown
    }

    let turn: ModelServer.Turn
    let storedRevision: Int64
    let asker: ModelServer.Asker?
    /// Whether it is what was due, and an input waits for it.
    let isBeforeInput: Bool
    var state = State.underWay
}
