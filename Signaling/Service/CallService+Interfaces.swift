public import Primitives
public import SignalingCore

/// A request to call somebody.
public struct Invite: Sendable {
    /// Whom to call.
    public enum Target: Sendable, Equatable {
        /// A user, in the direct conversation with them.
        case user(UserID)
        /// These members of a conversation; all of them if none is named.
        case conversation(ConversationID, ringing: [UserID])
    }

    /// The client's own id for the call: asking again with it returns the same call.
    public var clientCallID: RequestID
    /// Who to call.
    public var target: Target
    /// Voice or video.
    public var type: Call.MediaType
    /// What the caller sends.
    public var media: MediaState

    /// Makes a request.
    public init(clientCallID: RequestID, target: Target, type: Call.MediaType, media: MediaState) {
        self.clientCallID = clientCallID
        self.target = target
        self.type = type
        self.media = media
    }
}

/// A request of a device as received: the service completes it with what only the server knows.
public enum CallRequest: Sendable {
    /// Call another user, or the members of a group. Counts as an invite for each who is rung.
    case invite(Invite)
    /// Enter a group call without being rung, or again.
    case join(CallID, RequestID, MediaState)
    /// Ring more people for a call. Counts as an invite for each.
    case add(CallID, RequestID, [UserID])
    /// Decline the call. When the device is merely busy, the user's other devices go on ringing.
    case decline(CallID, RequestID, isBusy: Bool)
    /// A command that is complete as received.
    case command(CallID, CallCommand)

    /// Whether it may change a call.
    public var mayChangeCall: Bool {
        switch self {
        case .command(_, .fetch), .command(_, .signal): false
        case .invite, .join, .add, .decline, .command: true
        }
    }
}

/// Delivers answers and events to devices; must not block.
public protocol CallEvents: Sendable {
    /// Answers a command, once, after what it changed is on disk.
    func reply(_ reply: CallReply, to replyTo: ReplyTo)
    /// Delivers an event to the devices that the addresses now represent.
    func deliver(_ event: CallEvent, of view: CallView, to addresses: [Address])
}

/// Knows which devices have a socket.
public protocol DevicePresence: Sendable {
    /// The devices of a user that have a socket now.
    func connectedDevices(of user: UserID) -> Set<DeviceID>
}

/// Knows users and their conversations.
public protocol CallPeople: Sendable {
    /// The user whom a direct invite calls, and what else it needs to know, in one read. Nil when there is no such user,
    /// or a suspended one.
    func directCallee(
        _ callee: UserID, calledBy caller: UserID, as name: RequestID
    ) async throws(CallPeopleError) -> DirectCallee?
    /// The direct conversation between two users, created if there is none.
    func directConversation(
        between caller: UserID, and callee: UserID
    ) async throws(CallPeopleError) -> ConversationID
    /// A conversation and the members that everybody in it sees; `nominal` ones are members in name only, and must not
    /// know of calls in it. `notFound` when there is none, or the user is not a member or only a nominal one.
    func conversation(
        _ id: ConversationID, of user: UserID
    ) async throws(CallPeopleError) -> (mode: Call.Mode, members: [UserID], nominal: Set<UserID>)
    /// Who is in a conversation now, except nominal members; nobody when there is none.
    func members(of conversation: ConversationID) async throws(CallPeopleError) -> Set<UserID>
    /// Users' policies for calls from this caller. Users who do not exist are missing from the answer.
    func calleePolicies(
        of users: [UserID], calledBy caller: UserID
    ) async throws(CallPeopleError) -> [UserID: CalleePolicy]
}

/// The user whom a direct invite calls.
public struct DirectCallee: Sendable, Equatable {
    /// How the user wants to be called.
    public var policy: CalleePolicy
    /// The direct conversation with the caller; nil when there is none yet for the caller.
    public var conversation: ConversationID?
    /// Whether the caller has placed a call with this invite's name before.
    public var isRepeated: Bool

    /// Describes the user.
    public init(policy: CalleePolicy, conversation: ConversationID?, isRepeated: Bool) {
        self.policy = policy
        self.conversation = conversation
        self.isRepeated = isRepeated
    }
}

/// A user's policy for calls from a certain caller.
public struct CalleePolicy: Sendable, Equatable {
    /// Who it is.
    public var profile: Profile
    /// Whether the user may be told of the call. If not, the caller hears ringing until the deadline anyway: a block
    /// must not show.
    public var isReachable: Bool
    /// Whether the user is rung while in another call.
    public var hasCallWaiting: Bool
    /// Whether the caller has blocked the user, and so may not call.
    public var isBlockedByCaller: Bool

    /// Describes a policy.
    public init(
        profile: Profile, isReachable: Bool = true, hasCallWaiting: Bool = false, isBlockedByCaller: Bool = false
    ) {
        self.profile = profile
        self.isReachable = isReachable
        self.hasCallWaiting = hasCallWaiting
        self.isBlockedByCaller = isBlockedByCaller
    }
}

/// Why the conversation to call in is not available.
public enum CallPeopleError: Error, Sendable {
    /// There is no such user or conversation.
    case notFound
    /// The database is unreachable.
    case unavailable
}
