public import Primitives
import Storage

extension MessagingService {
    /// The direct conversation of two users, which is made when there is none. Two who ask at once get the same.
    /// - Parameters:
    ///   - user: Who asks.
    ///   - other: With whom.
    /// - Throws: `invalid(.userID)` when both are the same, `notFound` when there is no such user, `unavailable`,
    ///   `internal`.
    public func directConversation(
        between user: UserID, and other: UserID
    ) async throws(MessagingError) -> Conversation {
        guard user != other else { throw .toOneself }
        let pair = DirectPair(user, other)
        if let found = try await conversation(of: pair) { return found }
        do {
            _ = try await database.commit(WriteUnit(pair.steps(by: user, now: now())))
        } catch {
            throw messagingError(error, at: "open_direct_conversation")
        }
        guard let made = try await conversation(of: pair) else { throw .noUser }
        return made
    }

    /// The conversations of a user, the most recently used first.
    /// - Parameter limit: 1 to 100; what lies outside is moved to the nearer end.
    /// - Throws: `unavailable`, `internal`.
    public func conversations(of user: UserID, limit: Int = 50) async throws(MessagingError) -> [Conversation] {
        let count = Int64(min(max(limit, 1), 100))
        let page: [SQLValue] = [
            .id(user), .instant(Self.farFuture), .id(ConversationID(high: 0, low: 0)), .integer(count),
        ]
        var conversations = try await read(.conversationsOfUser, page) { row throws(DatabaseError) in
            try Conversation(row: row)
        }
        let members = try await read(.membersOfConversationsOfUser, page, Member.init(row:))
        let profiles = Dictionary(grouping: members, by: \.conversation).mapValues { $0.map(\.profile) }
        for index in conversations.indices {
            // A conversation that came to the top between the two readings has pushed the last one off the page.
            conversations[index].members =
                if let known = profiles[conversations[index].id] { known } else {
                    try await self.members(of: conversations[index].id)
                }
        }
        return conversations
    }

    /// A stretch of a conversation that ends before a place, or at its end.
    /// - Parameters:
    ///   - reader: Who reads; a member of the conversation.
    ///   - before: Messages before this place are read; nil for the newest.
    ///   - limit: 1 to 100; what lies outside is moved to the nearer end.
    /// - Throws: `notFound` when there is no such conversation or the reader is not in it, `unavailable`, `internal`.
    public func history(
        of conversation: ConversationID, reader: UserID, before: Int64? = nil, limit: Int = 50
    ) async throws(MessagingError) -> MessagePage {
        let count = min(max(limit, 1), Self.pageLimit)
        let memberships = try await read(.isConversationMember, [.id(conversation), .id(reader)]) { $0 }
        guard !memberships.isEmpty else { throw .noConversation }
        // One more than asked for tells whether there are more.
        let messages = try await messages(in: conversation, before: before ?? .max, limit: count + 1)
        return MessagePage(messages: messages.suffix(count), hasMore: messages.count > count)
    }

    /// A moment that both databases know and nobody lives to see: the year 9999.
    private static let farFuture = Instant(microseconds: 253_402_300_799_000_000)

    private func conversation(of pair: DirectPair) async throws(MessagingError) -> Conversation? {
        let found = try await read(.conversationByDirectKey, [.text(pair.key)]) { row throws(DatabaseError) in
            Conversation(
                id: try row.id("id"), type: try row.name("type"), members: [], lastSeq: try row.integer("last_seq"),
                createdAt: try row.instant("created_at"))
        }
        guard var conversation = found.first else { return nil }
        conversation.members = try await members(of: conversation.id)
        conversation.lastMessage = try await messages(in: conversation.id, before: .max, limit: 1).last
        // The message is read after the conversation and may be newer.
        if let message = conversation.lastMessage { conversation.lastSeq = message.seq }
        return conversation
    }

    private func members(of conversation: ConversationID) async throws(MessagingError) -> [Profile] {
        try await read(.membersOfConversation, [.id(conversation)], Member.init(row:)).map(\.profile)
    }

    /// In the conversation's order.
    private func messages(
        in conversation: ConversationID, before seq: Int64, limit: Int
    ) async throws(MessagingError) -> [Message] {
        try await read(.messagesBefore, [.id(conversation), .integer(seq), .integer(Int64(limit))], Message.init(row:))
    }

    private func read<Value>(
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

/// One member of a conversation.
private struct Member {
    var conversation: ConversationID
    var profile: Profile

    init(row: Row) throws(DatabaseError) {
        conversation = try row.id("conversation_id")
        profile = Profile(
            id: try row.id("user_id"), username: try row.text("username"), displayName: try row.text("display_name"),
            avatarURL: try row.textIfAny("avatar_url"))
    }
}

extension Conversation {
    /// Reads a row of a list: the conversation, without its members, and its newest message.
    fileprivate init(row: Row) throws(DatabaseError) {
        self.init(
            id: try row.id("id"), type: try row.name("type"), members: [], lastSeq: try row.integer("last_seq"),
            createdAt: try row.instant("created_at"))
        guard let message: MessageID = try row.idIfAny("message_id") else { return }
        lastMessage = Message(
            id: message, conversation: id, seq: try row.integer("message_seq"),
            sender: try row.idIfAny("message_sender_id"),
            clientMessageID: try row.idIfAny("message_client_message_id"), type: try row.name("message_type"),
            body: Redacted(try row.text("message_body")), createdAt: try row.instant("message_created_at"))
    }
}

extension Message {
    init(row: Row) throws(DatabaseError) {
        self.init(
            id: try row.id("id"), conversation: try row.id("conversation_id"), seq: try row.integer("seq"),
            sender: try row.idIfAny("sender_id"), clientMessageID: try row.idIfAny("client_message_id"),
            type: try row.name("type"), body: Redacted(try row.text("body")), createdAt: try row.instant("created_at"))
    }
}
