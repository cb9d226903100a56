public import Primitives
public import SignalingCore

/// A call, and who the people in it are.
public struct CallView: Sendable, Equatable {
    /// The call.
    public let call: Call
    /// A profile for each participant.
    public let people: [UserID: Profile]

    /// Makes a view.
    public init(call: Call, people: [UserID: Profile]) {
        self.call = call
        self.people = people
    }

    /// The call as a user may see it who was in it, or who is a member of its conversation: whoever may not see it as it is
    /// sees what it was until they left.
    func shown(to user: UserID) -> CallView {
        guard let past = call.past(of: user) else { return self }
        let known = Set(past.participants.map(\.user))
        return CallView(call: past, people: people.filter { known.contains($0.key) })
    }
}

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

/// What becomes of a command.
public enum CallReply: Sendable {
    /// Carried out, and on disk.
    case done(CallView)
    /// Not carried out, and why; the call goes with it where the sender may see it.
    case refused(CallRefusal, CallView?)
    /// Too many invites or commands; after this time another one is taken.
    case limited(retryAfter: Instant.Span)
    /// As many people were rung today as one user may ring in a day; after this time another one is.
    case usedUp(retryAfter: Instant.Span)
    /// The database is away or the server is stopping: to be tried again.
    case unavailable
    /// A fault of the server.
    case failed

    /// The answer to a command of a user, or to nobody's. The call goes with a refusal where the user may see it: whoever has
    /// no part in it is a member of its conversation, or told that there is no such call.
    init(_ transition: CallTransition, people: [UserID: Profile], to user: UserID?) {
        let view = CallView(call: transition.call, people: people)
        let isShown = user.map { transition.call.participant($0)?.maySeeCall ?? true } ?? false
        self =
            switch transition.refusal {
            case nil: .done(view)
            case .notFound: .refused(.notFound, nil)
            case let refusal?: .refused(refusal, isShown ? view : nil)
            }
    }
}

/// Delivers events to devices.
public protocol CallEvents: Sendable {
    /// Delivers an event to whatever devices stand behind the addresses now; must not block.
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

/// Knows which shard owns which call, and who is in a call. One process knows its own calls; with several, this is
/// where another node's calls are found.
protocol CallDirectory: Sendable {
    /// Where the calls of a conversation live.
    func shard(for conversation: ConversationID) -> Int
    /// The conversation of an open call; nil when it is not open.
    func conversation(of call: CallID) -> ConversationID?
    /// Whether a user is in a call with one of the devices.
    func isInCall(_ user: UserID) -> Bool
    /// A call is new or has changed.
    func put(_ call: Call)
    /// A call is no longer open.
    func remove(_ call: Call)
}
