public import Primitives
public import SignalingCore

/// A wish to call somebody.
public struct Invite: Sendable {
    /// Whom to call.
    public enum Target: Sendable, Equatable {
        /// A user, in the direct conversation with them.
        case user(UserID)
        /// These members of a conversation; all of them when none is named.
        case conversation(ConversationID, ringing: [UserID])
    }

    /// The client's own name for the call: asking again with it gives the same call.
    public var clientCallID: RequestID
    /// Who is called.
    public var target: Target
    /// Voice or video.
    public var type: Call.MediaType
    /// What the caller sends.
    public var media: MediaState

    /// Makes a wish.
    public init(clientCallID: RequestID, target: Target, type: Call.MediaType, media: MediaState) {
        self.clientCallID = clientCallID
        self.target = target
        self.type = type
        self.media = media
    }
}

/// What a device asks of calls, as it asks: the service completes it with what only the server knows.
public enum CallRequest: Sendable {
    /// Call another user, or the members of a group. Counts as an invite for each who is rung.
    case invite(Invite)
    /// Come into a group call without being rung, or again.
    case join(CallID, RequestID, MediaState)
    /// Ring more people for a call. Counts as an invite for each.
    case add(CallID, RequestID, [UserID])
    /// Turn the call away. When the device is merely busy, the user's others go on ringing.
    case decline(CallID, RequestID, isBusy: Bool)
    /// A command that is complete as it is asked.
    case command(CallID, CallCommand)

    /// Whether a call may be another one after it.
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
    /// Delivers an event to the devices that stand behind the addresses now.
    func deliver(_ event: CallEvent, of view: CallView, to addresses: [Address])
}

/// Knows which devices have a socket.
public protocol DevicePresence: Sendable {
    /// The devices of a user that have a socket now.
    func connectedDevices(of user: UserID) -> Set<DeviceID>
}

/// Knows users and their conversations.
public protocol CallPeople: Sendable {
    /// The direct conversation between two users, made when there is none.
    func directConversation(
        between caller: UserID, and callee: UserID
    ) async throws(CallPeopleError) -> ConversationID
    /// A conversation and whom everybody in it sees as members; `nominal` ones are so in name only, and must not hear of calls
    /// in it. `notFound` when there is none or the user is not a member, but in name.
    func conversation(
        _ id: ConversationID, of user: UserID
    ) async throws(CallPeopleError) -> (mode: Call.Mode, members: [UserID], nominal: Set<UserID>)
    /// Who is in a conversation now, and not in name only; nobody when there is none.
    func members(of conversation: ConversationID) async throws(CallPeopleError) -> Set<UserID>
    /// How users want to be called by this caller. Whom there is not is not in the answer.
    func calleePolicies(
        of users: [UserID], calledBy caller: UserID
    ) async throws(CallPeopleError) -> [UserID: CalleePolicy]
}

/// How a user wants to be called by a certain caller.
public struct CalleePolicy: Sendable, Equatable {
    /// Who it is.
    public var profile: Profile
    /// Whether the user is to hear of the call. When not, the caller hears ringing until the deadline all the same: a
    /// block must not show.
    public var isReachable: Bool
    /// Whether the user is rung while in another call.
    public var hasCallWaiting: Bool
    /// Whether the caller has blocked the user, and so may not call.
    public var isBlockedByCaller: Bool

    /// Describes how a user wants to be called.
    public init(
        profile: Profile, isReachable: Bool = true, hasCallWaiting: Bool = false, isBlockedByCaller: Bool = false
    ) {
        self.profile = profile
        self.isReachable = isReachable
        self.hasCallWaiting = hasCallWaiting
        self.isBlockedByCaller = isBlockedByCaller
    }
}

/// Why there is no conversation to call in.
public enum CallPeopleError: Error, Sendable {
    /// There is no such user or conversation.
    case notFound
    /// The database is away.
    case unavailable
}
