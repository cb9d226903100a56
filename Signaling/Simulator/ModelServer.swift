import Primitives
import SignalingCore

/// One life of a node: the real owner of calls, and what the shell around it keeps. All of it is lost in a crash.
final class ModelServer {
    /// A transition that the table has been given an input for, and what the tables of the call machine say of it.
    struct Turn {
        let transition: CallTransition
        let reference: Reference
        /// Its commit, once it is on its way.
        var commit: CallTable.CommitID?
    }

    /// A call of the table, as its trace tells of it.
    final class Followed {
        let id: CallID
        /// The call as it last came about; one that is being placed, as it will be.
        var call: Call
        /// The same as the tables of the call machine have it.
        var reference: Reference
        /// What may come about next.
        var turn: Turn?
        /// Whether it has come about at all.
        var isPlaced: Bool
        /// Whether it was adopted and nothing was done with it yet.
        var isFresh: Bool
        /// The commit that nobody can say of yet what became of it.
        var underWay: CallTable.CommitID?
        /// Whether others have their turn.
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

    /// Something that has come about, and that everybody hears of in the outputs up to a mark.
    struct Change {
        let mark: Int
        /// Nil for a call that is placed.
        let before: Call?
        let transition: CallTransition
        /// Whether something else came about for the same call in the same step.
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

    /// Which of the world's servers it is.
    let number: Int
    /// Which node it runs as.
    let node: Int
    /// How far its clock is ahead of the true time.
    let clockError: Instant.Span
    var table: CallTable
    /// What is to be done, in its order, and how far that is.
    var outputs: [CallTable.Output] = []
    var isCarryingOut = false
    var changes: [Change] = []
    var followed: [Followed] = []
    var timer: (due: Instant, number: Int)?
    var timerCount = 0

    var isUp = true
    var sendsUntilCrash: Int?
    /// It dies as soon as what happens now is over; nothing of it goes out any more.
    var isDying = false
    /// While it stands still, what would happen to it is put off.
    var isPaused = false
    var putOff: [World.Happening] = []

    /// As whom it runs, once it does.
    var owner: CallOwner?
    var lease = Lease.none
    /// The lease that its table heard of last.
    var lastLease = Lease.none
    /// When the process before it was last alive.
    var ownLastSeen: Instant?
    /// Calls that it has taken over and that its table does not have yet.
    var toAdopt: [(id: CallID, lastSeen: Instant)] = []
    /// Calls that it has let go of, because another node has them.
    var lost: Set<CallID> = []
    /// Whether its calls have heard of everybody who does not belong to the group any more.
    var knowsMembers = true
    /// How many memberships have ended.
    var endings: UInt64 = 0

    /// The calls that are open here, as the outputs tell.
    var openCalls: [CallID: ConversationID] = [:]
    /// Which calls each user is in, as the outputs tell.
    private(set) var connected = [[CallID]](repeating: [], count: World.userCount)
    /// Who must not hear of a call and will seem to ring for it.
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

    /// Whether a user is in the call, as the outputs tell.
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
