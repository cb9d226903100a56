public import Primitives
public import Storage

/// A message as it is stored.
public struct Message: Sendable, Hashable {
    /// The kind of a message.
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
    /// The place in the conversation, from 1, without gaps, as the recipient of the message counts: messages that are
    /// hidden from them are not counted.
    public var seq: Int64
    /// Who wrote it; nil for a system message, and when the account is deleted.
    public var sender: UserID?
    /// The sender's own name for it; nil for a system message.
    public var clientMessageID: RequestID?
    /// What it is.
    public var type: Kind
    /// The text, at most 16 KiB.
    public var body: Redacted<String>
    /// How a call ended, if this is the system message of a call.
    public var call: CallSummary?
    /// When the server accepted it.
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

/// A message to be sent.
public struct Draft: Sendable, Hashable {
    /// Where a message goes.
    public enum Target: Sendable, Hashable {
        /// To a conversation of the sender.
        case conversation(ConversationID)
        /// To the direct conversation with a user, which is created when there is none.
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
    /// The kind of a conversation.
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
    /// A group's name; nil for a direct conversation.
    public var name: String?
    /// Its members, in the order of their ids.
    public var members: [Profile]
    /// What each of them may do, in the same order.
    public var roles: [MemberRole]
    /// Which of the members are nominal. This is never told to anybody.
    var nominal: Set<UserID> = []
    /// Users who were invited into a group and are not members yet, in the order of their ids; only read for its owner
    /// and admins, and not in lists.
    public var invited: [Profile] = []
    /// The place of the newest message for the reader; 0 when there is none.
    public var lastSeq: Int64
    /// The newest message for the reader, if there is one.
    public var lastMessage: Message?
    /// When it was made; a direct one: when it began for the reader.
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

/// A page of a conversation.
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

/// Takes messages and invitations to the devices of the users concerned.
public protocol MessageEvents: Sendable {
    /// Called when the message is on disk and its sender has the answer, on a thread of the database and in the order
    /// of the conversation. Must not block.
    func deliver(_ message: Message, to addresses: [Address])

    /// Called when an invitation that the user sees is on disk. Must not block.
    func deliver(_ invitation: GroupInvitation, to user: UserID)

    /// Called when it is on disk that a user no longer belongs to a conversation. Must not block.
    func membershipEnded(_ user: UserID, in conversation: ConversationID)
}
