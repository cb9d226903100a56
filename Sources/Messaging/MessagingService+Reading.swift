public import Primitives
public import Storage

extension MessagingService {
    /// The direct conversation of two users, created when there is none. It begins for the caller if it has not begun.
    /// Two simultaneous calls get the same conversation.
    /// - Parameters:
    ///   - user: The caller.
    ///   - other: The other user.
    /// - Throws: `invalid(.userID)` when both are the same, `notFound` when there is no such user, `unavailable`,
    ///   `internal`.
    public func directConversation(
        between user: UserID, and other: UserID
    ) async throws(MessagingError) -> Conversation {
        guard user != other else { throw .toOneself }
        let pair = DirectPair(user, other)
        if let found = try await conversation(of: pair, for: user) { return found }
        let present = now()
        let beginning = Step(.beginDirectConversation, [.text(pair.key), .id(user), .instant(present)])
        _ = try await commit(pair.steps(by: user, now: present) + [beginning], at: "open_direct_conversation")
        guard let made = try await conversation(of: pair, for: user) else { throw .noUser }
        return made
    }

    /// The key by which the direct conversation of two users is found.
    package static func directKey(of user: UserID, and other: UserID) -> String { DirectPair(user, other).key }

    /// The id of the direct conversation of a user with another user, created if there is none. One short read when
    /// it has begun for the user.
    /// - Throws: as `directConversation(between:and:)`.
    public func directConversationID(
        between user: UserID, and other: UserID
    ) async throws(MessagingError) -> ConversationID {
        let values: [SQLValue] = [.text(DirectPair(user, other).key), .id(user)]
        let known = try await read(.conversationIDByDirectKey, values) { row throws(DatabaseError) in
            try row.id("id") as ConversationID
        }
        if let id = known.first { return id }
        return try await directConversation(between: user, and: other).id
    }

    /// The conversations of a user, most recently used first.
    /// - Parameters:
    ///   - cursor: The end of the previous page; nil for the first page. Conversations used meanwhile move up.
    ///   - limit: 1 to 100; values outside are clamped.
    /// - Throws: `unavailable`, `internal`.
    public func conversations(
        of user: UserID, before cursor: PageCursor<Named.Conversation>? = nil, limit: Int = 50
    ) async throws(MessagingError) -> ConversationPage {
        let limit = min(max(limit, 1), Self.pageLimit)
        let start = cursor ?? .newest
        func place(_ count: Int) -> [SQLValue] {
            [.id(user)] + start.values + [.integer(Int64(count))]
        }
        // One more than requested tells whether there are more.
        let found = try await read(.conversationsOfUser, place(limit + 1)) { row throws(DatabaseError) in
            (conversation: try Conversation(row: row), usedAt: try row.instant("used_at"))
        }
        var conversations = found.prefix(limit).map(\.conversation)
        let members = try await read(.membersOfConversationsOfUser, place(limit), Member.init(row:))
        let known = Dictionary(grouping: members, by: \.conversation)
        for index in conversations.indices {
            // A conversation that moved to the top between the two reads has pushed the last one off the page.
            if let members = known[conversations[index].id] {
                conversations[index].put(members)
            } else {
                conversations[index].put(try await self.members(of: conversations[index].id))
            }
        }
        let last = found.count > limit ? found[limit - 1] : nil
        return ConversationPage(
            conversations: conversations,
            next: last.map { PageCursor(at: $0.usedAt, id: $0.conversation.id) })
    }

    /// A page of a conversation that ends before a place, or at its end.
    /// - Parameters:
    ///   - reader: The reader, a member of the conversation.
    ///   - before: Only messages before this place, as the reader counts; nil for the newest.
    ///   - limit: 1 to 100; values outside are clamped.
    /// - Throws: `notFound` when there is no such conversation or the reader is not in it, `unavailable`, `internal`.
    public func history(
        of conversation: ConversationID, reader: UserID, before: Int64? = nil, limit: Int = 50
    ) async throws(MessagingError) -> MessagePage {
        let count = min(max(limit, 1), Self.pageLimit)
        let memberships = try await read(.isConversationMember, [.id(conversation), .id(reader)]) { $0 }
        guard !memberships.isEmpty else { throw .noConversation }
        // One more than requested tells whether there are more.
        let messages = try await messages(in: conversation, for: reader, before: before, limit: count + 1)
        return MessagePage(messages: messages.suffix(count), hasMore: messages.count > count)
    }

    private func conversation(
        of pair: DirectPair, for user: UserID
    ) async throws(MessagingError) -> Conversation? {
        let values: [SQLValue] = [.text(pair.key), .id(user)]
        let found = try await read(.conversationByDirectKey, values, Conversation.init(bare:))
        guard let conversation = found.first else { return nil }
        return try await complete(conversation, for: user)
    }

    /// Adds what a row of a conversation does not contain: its members, its newest message for the user, and who is
    /// invited, if the user may know.
    func complete(_ bare: Conversation, for user: UserID) async throws(MessagingError) -> Conversation {
        var conversation = bare
        conversation.put(try await members(of: bare.id))
        conversation.lastMessage = try await messages(in: bare.id, for: user, before: nil, limit: 1).last
        conversation.lastSeq = conversation.lastMessage?.seq ?? 0
        if bare.type == .group, let role = conversation.role(of: user), GroupRules.mayAdd(role) {
            conversation.invited = try await read(.usersInvitedToGroup, [.id(bare.id)]) { row throws(DatabaseError) in
                try Profile(member: row, id: "id")
            }
        }
        return conversation
    }

    /// The members of a conversation, except nominal ones; nobody when there is no such conversation.
    /// - Throws: `unavailable`, `internal`.
    public func memberIDs(of conversation: ConversationID) async throws(MessagingError) -> Set<UserID> {
        Set(try await members(of: conversation).filter { !$0.isNominal }.map(\.profile.id))
    }

    func members(of conversation: ConversationID) async throws(MessagingError) -> [Member] {
        try await read(.membersOfConversation, [.id(conversation)], Member.init(row:))
    }

    /// In the conversation's order.
    private func messages(
        in conversation: ConversationID, for reader: UserID, before seq: Int64?, limit: Int
    ) async throws(MessagingError) -> [Message] {
        let end = min(seq ?? .max, .max / 2)
        let values: [SQLValue] = [.id(conversation), .integer(end), .integer(Int64(limit)), .id(reader)]
        return try await read(.messagesBefore, values, Message.init(row:))
    }

    func read<Value>(
        _ statement: Statement, _ values: [SQLValue], _ make: (Row) throws(DatabaseError) -> Value
    ) async throws(MessagingError) -> [Value] {
        do throws(DatabaseError) {
            var results: [Value] = []
            for row in try await database.query(statement, values) { results.append(try make(row)) }
            return results
        } catch {
            throw messagingError(error, at: statement.name)
        }
    }
}

/// A member of a conversation, as everybody in it sees them.
struct Member {
    var conversation: ConversationID
    var profile: Profile
    var role: MemberRole
    /// Whether they do not know of the conversation, and so have no rights in it.
    var isNominal: Bool

    init(row: Row) throws(DatabaseError) {
        conversation = try row.id("conversation_id")
        profile = try Profile(member: row, id: "user_id")
        role = try row.name("role")
        isNominal = try row.boolean("is_nominal")
    }
}

extension Profile {
    /// Reads a profile from a row in which the column of the user's id has a certain name.
    init(member row: Row, id: String) throws(DatabaseError) {
        self.init(
            id: try row.id(id), username: try row.text("username"), displayName: try row.text("display_name"),
            avatarURL: try row.textIfAny("avatar_url"))
    }
}

extension Conversation {
    /// Reads a row of a conversation: without its members and messages.
    init(bare row: Row) throws(DatabaseError) {
        self.init(
            id: try row.id("id"), type: try row.name("type"), name: try row.textIfAny("name"), members: [], roles: [],
            lastSeq: 0, createdAt: try row.instant("created_at"))
    }

    /// Reads a row of a list: a conversation without its members, and its newest message.
    fileprivate init(row: Row) throws(DatabaseError) {
        try self.init(bare: row)
        guard let message: MessageID = try row.idIfAny("message_id") else { return }
        let type: Message.Kind = try row.name("message_type")
        lastSeq = try row.integer("message_seq")
        lastMessage = Message(
            id: message, conversation: id, seq: lastSeq, sender: try row.idIfAny("message_sender_id"),
            clientMessageID: try row.idIfAny("message_client_message_id"), type: type,
            body: Redacted(try row.text("message_body")),
            call: type == .system ? try row.textIfAny("message_metadata").flatMap(CallSummary.init(metadata:)) : nil,
            createdAt: try row.instant("message_created_at"))
    }

    fileprivate mutating func put(_ members: [Member]) {
        self.members = members.map(\.profile)
        roles = members.map(\.role)
        nominal = Set(members.filter(\.isNominal).map(\.profile.id))
    }
}

extension Message {
    init(row: Row) throws(DatabaseError) {
        let type: Kind = try row.name("type")
        self.init(
            id: try row.id("id"), conversation: try row.id("conversation_id"), seq: try row.integer("seq"),
            sender: try row.idIfAny("sender_id"), clientMessageID: try row.idIfAny("client_message_id"), type: type,
            body: Redacted(try row.text("body")),
            call: type == .system ? try row.textIfAny("metadata").flatMap(CallSummary.init(metadata:)) : nil,
            createdAt: try row.instant("created_at"))
    }
}
