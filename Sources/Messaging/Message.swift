public import Primitives
public import Storage

/// A message as it is stored.
public struct Message: Sendable, Hashable {
    /// What a message is.
    public enum Kind: String, Sendable, Hashable {
        /// Somebody wrote it.
        case text
        /// The server wrote it.
        case system
    }

    /// The message.
    public var id: MessageID
    /// Where it stands.
    public var conversation: ConversationID
    /// The place in the conversation, from 1, without gaps, as whoever is given the message counts: what is hidden from
    /// them takes none.
    public var seq: Int64
    /// Who wrote it; nil for a message of the system, and when the account is gone.
    public var sender: UserID?
    /// The sender's own name for it; nil for a message of the system.
    public var clientMessageID: RequestID?
    /// What it is.
    public var type: Kind
    /// The text, at most 16 KiB.
    public var body: Redacted<String>
    /// What became of a call, when that is what a message of the system tells.
    public var call: CallSummary?
    /// When the server took it.
    public var createdAt: Instant

    /// Makes a message.
    public init(
        id: MessageID, conversation: ConversationID, seq: Int64, sender: UserID?, clientMessageID: RequestID?,
        type: Kind, body: Redacted<String>, call: CallSummary? = nil, createdAt: Instant
    ) {
        self.id = id
        self.conversation = conversation
        self.seq = seq
        self.sender = sender
        self.clientMessageID = clientMessageID
        self.type = type
        self.body = body
        self.call = call
        self.createdAt = createdAt
    }
}

/// A message that is to be sent.
public struct Draft: Sendable, Hashable {
    /// Where a message goes.
    public enum Target: Sendable, Hashable {
        /// To a conversation of the sender.
        case conversation(ConversationID)
        /// To the direct conversation with a user, which is made when there is none.
        case user(UserID)
    }

    /// Where it goes.
    public var target: Target
    /// Made by the client; a repeat is the same message.
    public var clientMessageID: RequestID
    /// The text: 1 byte to 16 KiB of UTF-8, without NUL.
    public var body: Redacted<String>

    /// Makes a draft.
    public init(to target: Target, clientMessageID: RequestID, body: Redacted<String>) {
        self.target = target
        self.clientMessageID = clientMessageID
        self.body = body
    }
}

/// A conversation between two or more users.
public struct Conversation: Sendable, Hashable {
    /// What a conversation is.
    public enum Kind: String, Sendable, Hashable {
        /// Between two users, once for each pair.
        case direct
        /// Between any number.
        case group
    }

    /// The conversation.
    public var id: ConversationID
    /// What it is.
    public var type: Kind
    /// What a group is called; nil for a direct conversation.
    public var name: String?
    /// Who is in it, in the order of their ids.
    public var members: [Profile]
    /// What each of them may do, in the same order.
    public var roles: [MemberRole]
    /// Which of the members are so in name only. Nobody is told.
    var nominal: Set<UserID> = []
    /// Who was invited into a group and is no member yet, in the order of their ids; read for its owner and admins alone,
    /// and not in lists.
    public var invited: [Profile] = []
    /// The place of the newest message that is for the one who reads; 0 when there is none.
    public var lastSeq: Int64
    /// The newest message that is for the one who reads, if there is one.
    public var lastMessage: Message?
    /// When it was made; of a direct one, when it began for the one who reads.
    public var createdAt: Instant

    /// Makes a conversation.
    public init(
        id: ConversationID, type: Kind, name: String? = nil, members: [Profile], roles: [MemberRole], lastSeq: Int64,
        lastMessage: Message? = nil, createdAt: Instant
    ) {
        self.id = id
        self.type = type
        self.name = name
        self.members = members
        self.roles = roles
        self.lastSeq = lastSeq
        self.lastMessage = lastMessage
        self.createdAt = createdAt
    }
}

/// A page of the conversations of a user.
public struct ConversationPage: Sendable, Hashable {
    /// The most recently used first.
    public var conversations: [Conversation]
    /// Where the next page begins; nil at the end.
    public var next: PageCursor<Named.Conversation>?
}

/// A stretch of a conversation.
public struct MessagePage: Sendable, Hashable {
    /// In the conversation's order.
    public var messages: [Message]
    /// Whether there are older ones.
    public var hasMore: Bool

    /// Makes a page.
    public init(messages: [Message], hasMore: Bool) {
        self.messages = messages
        self.hasMore = hasMore
    }
}

/// Takes messages and invitations to the devices of those whom they concern.
public protocol MessageEvents: Sendable {
    /// Called when the message is on disk and its sender has the answer, on a thread of the database and in the order of
    /// the conversation. Must not block.
    func deliver(_ message: Message, to addresses: [Address])

    /// Called when an invitation is on disk that the user sees. Must not block.
    func deliver(_ invitation: GroupInvitation, to user: UserID)

    /// Called when it is on disk that a user does not belong to a conversation any more. Must not block.
    func membershipEnded(_ user: UserID, in conversation: ConversationID)
}
