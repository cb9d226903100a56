import Primitives
import SignalingCore

/// One life of a node: the real owner of calls, and the state of the shell around it. All of it is lost in a crash.
final class ModelServer {
    /// A transition from an input to the table, and its expected result by the tables of the call machine.
    struct Turn {
        let transition: CallTransition
        let reference: Reference
        /// Its commit, once it is in flight.
        var commit: CallTable.CommitID?
    }

    /// A call of the table, as reported by its trace.
    final class Followed {
        let id: CallID
        /// The call as last applied; for one that is being placed, its first state.
        var call: Call
        /// The same call by the tables of the call machine.
        var reference: Reference
        /// The transition that may be applied next.
        var turn: Turn?
        /// Whether its placing has taken effect.
        var isPlaced: Bool
        /// Whether it was adopted and nothing was done with it yet.
        var isFresh: Bool
        /// The commit whose outcome is not known yet.
        var underWay: CallTable.CommitID?
        /// Whether it rests while others have their turn.
        var isResting = false
        /// When it was last certain that a commit was not carried out.
        var failedAt: Instant?

        init(
            _ call: Call, _ reference: Reference, turn: Turn? = nil, isPlaced: Bool, isFresh: Bool = false
        ) {
            id = call.id
            self.call = call
            self.reference = reference
            self.turn = turn
            self.isPlaced = isPlaced
            self.isFresh = isFresh
        }
    }

    /// A change that has taken effect, and that everybody is told of in the outputs up to a mark.
    struct Change {
        let mark: Int
        /// Nil for a call that is placed.
        let before: Call?
        let transition: CallTransition
        /// Whether devices were kept waiting for the call's latest state when the change had taken effect. A later
        /// change may tell them, before the outputs of this one are done.
        let mayWait: Bool
        /// Whether another change of the same call took effect in the same step.
        var isOvertaken = false
    }

    struct FeignedRing: Hashable {
        let user: UserID
        let call: CallID
    }

    struct PendingInvite {
        let target: Target
        let name: RequestID
        let replyTo: ReplyTo
        let isPrompt: Bool
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

    /// Its index among the world's servers.
    let number: Int
    /// Which node it runs as.
    let node: Int
    /// How far its clock is ahead of the true time.
    let clockError: Instant.Span
    var table: CallTable
    /// Pending outputs, in order, and how many of them are done.
    var outputs: [CallTable.Output] = []
    var isCarryingOut = false
    var changes: [Change] = []
    var followed: [Followed] = []
    var timer: (due: Instant, number: Int)?
    var timerCount = 0

    var isUp = true
    var sendsUntilCrash: Int?
    /// It dies as soon as the present step is over; nothing more is sent.
    var isDying = false
    /// While it is suspended, its events are postponed.
    var isPaused = false
    var putOff: [World.Event] = []

    /// The owner as which it runs, once it does.
    var owner: CallOwner?
    var lease = Lease.none
    /// The last lease that its table was told of.
    var lastLease = Lease.none
    /// When the process before it was last alive.
    var ownLastSeen: Instant?
    /// Calls that it has taken over and that its table does not have yet.
    var toAdopt: [(id: CallID, lastSeen: Instant)] = []
    /// Calls that it has let go of, because another node owns them.
    var lost: Set<CallID> = []
    /// Whether its calls have been told of everybody who no longer belongs to the group.
    var knowsMembers = true
    /// How many memberships have ended.
    var endings: UInt64 = 0

    /// The calls that are open here, as reported by the outputs.
    var openCalls: [CallID: ConversationID] = [:]
    /// Which calls each user is in, as reported by the outputs.
    private(set) var connected = [[CallID]](repeating: [], count: World.userCount)
    /// Users who must not know of a call and will seem to ring for it.
    var feigned: Set<FeignedRing> = []
    /// Commands that the table has, and has not answered.
    var unanswered: [ReplyTo: Int] = [:]
    var sessions = [Session?](repeating: nil, count: World.deviceCount)
    var invites: [PendingInvite] = []

    init(number: Int, node: Int, clockError: Instant.Span, rules: CallRules) {
        self.number = number
        self.node = node
        self.clockError = clockError
        table = CallTable(rules: rules)
        table.trace = []
    }

    func followedCall(_ call: CallID) -> Followed? {
        followed.first { $0.id == call }
    }

    /// Whether a user is in the call, as reported by the outputs.
    func isConnected(_ user: UserID, to call: CallID) -> Bool {
        connected[World.index(of: user)].contains(call)
    }

    func noteConnection(of user: UserID, to call: CallID, _ isConnected: Bool) {
        let index = World.index(of: user)
        if !isConnected {
            connected[index].removeAll { $0 == call }
        } else if !connected[index].contains(call) {
            connected[index].append(call)
        }
    }

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
