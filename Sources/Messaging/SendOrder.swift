import Primitives
import Storage

/// What is to be done to store one message, and what the database's answer to it means. Holds no state and does nothing
/// itself, so it can be queued again as it is.
struct SendOrder: Sendable {
    /// What became of it.
    enum Outcome: Sendable, Equatable {
        /// It is stored and goes to these.
        case stored(Message, to: [Address])
        /// It was stored before.
        case repeated(Message)
        /// There is no such conversation or user, or not for this sender.
        case refused
    }

    private let message: MessageID
    /// Who sends it.
    let sender: UserID
    private let device: DeviceID
    private let draft: Draft
    private let now: Instant

    /// Checks a draft.
    init(_ draft: Draft, from sender: UserID, device: DeviceID, now: Instant) throws(MessagingError) {
        let body = draft.body.exposed.utf8
        guard !body.isEmpty else { throw .emptyBody }
        guard body.count <= MessagingService.bodyLimit else { throw .tooLarge }
        // PostgreSQL has no way to store it.
        guard !body.contains(0) else { throw .nulInBody }
        guard draft.target != .user(sender) else { throw .toOneself }
        message = .random(at: now)
        self.sender = sender
        self.device = device
        self.draft = draft
        self.now = now
    }

    /// How the message is known to its sender.
    var key: UnknownOutcomes.Key {
        UnknownOutcomes.Key(sender: sender, clientMessageID: draft.clientMessageID)
    }

    /// How long the body is, in bytes of UTF-8.
    var byteCount: Int { draft.body.exposed.utf8.count }

    /// Whom the sender knows from this message on.
    var acquaintance: NotedAcquaintances.Key { NotedAcquaintances.Key(sender: sender, target: draft.target) }

    /// Finds the message when it was stored before.
    var earlier: Step { Step(.earlierMessage, [.id(sender), .id(draft.clientMessageID), .id(message)]) }

    /// Why it is refused when it is.
    var refusal: MessagingError {
        switch draft.target {
        case .conversation: .noConversation
        case .user: .noUser
        }
    }

    /// One unit without anything read before it, so that the order of the queue is the order of the conversation.
    ///
    /// Taking the next place locks the conversation, so the places have no gaps and follow the commits. The message is
    /// inserted only into a place that was just taken: a repeat and a stranger take none.
    /// - Parameter notingAcquaintance: Whether it is not on disk yet that the sender knows the other one.
    func unit(notingAcquaintance: Bool) -> WriteUnit {
        switch draft.target {
        case .conversation(let conversation):
            let writing = [
                Step(.takeMessageSeq, place(in: .id(conversation))),
                Step(.insertMessage, content(in: .id(conversation))),
                earlier,
                Step(.recipientsOfConversation, [.id(conversation)]),
            ]
            let noting = Step(
                .noteAcquaintanceByConversation, [.id(sender), .id(conversation), .instant(now)])
            return WriteUnit(notingAcquaintance ? writing + [noting] : writing)
        case .user(let user):
            let pair = DirectPair(sender, user)
            let writing = [
                Step(.takeDirectMessageSeq, place(in: .text(pair.key))),
                Step(.insertDirectMessage, content(in: .text(pair.key))),
                earlier,
            ]
            let noting = Step(.noteAcquaintance, [.id(sender), .id(user), .instant(now)])
            return WriteUnit(pair.steps(by: sender, now: now) + (notingAcquaintance ? [noting] : []) + writing)
        }
    }

    private func place(in conversation: SQLValue) -> [SQLValue] {
        [conversation, .id(sender), .id(draft.clientMessageID), .instant(now)]
    }

    private func content(in conversation: SQLValue) -> [SQLValue] {
        [
            .id(message), conversation, .id(sender), .id(draft.clientMessageID), .text(Message.Kind.text.rawValue),
            .text(draft.body.exposed), .instant(now),
        ]
    }

    /// What the results of the unit's steps mean.
    func outcome(_ results: [StepResult]) throws(DatabaseError) -> Outcome {
        guard results.count >= 4 else { throw DatabaseError(.invalid, "a unit of a message has at least 4 steps") }
        let inserted: StepResult
        let earlier: StepResult
        let recipients: [Address]
        switch draft.target {
        case .conversation:
            (inserted, earlier) = (results[1], results[2])
            recipients = try addresses(results[3].rows)
        case .user(let user):
            (inserted, earlier) = (results[results.count - 2], results[results.count - 1])
            recipients = [address(of: sender), address(of: user)]
        }
        if let row = inserted.rows.first {
            let message = Message(
                id: message, conversation: try row.id("conversation_id"), seq: try row.integer("seq"), sender: sender,
                clientMessageID: draft.clientMessageID, type: .text, body: draft.body, createdAt: now)
            return .stored(message, to: recipients)
        }
        return try earlierMessage(earlier.rows).map { Outcome.repeated($0) } ?? .refused
    }

    /// The message that the rows of `earlier` hold.
    func earlierMessage(_ rows: [Row]) throws(DatabaseError) -> Message? {
        guard let row = rows.first else { return nil }
        return try Message(row: row)
    }

    /// Where the members of a conversation are.
    func addresses(_ members: [Row]) throws(DatabaseError) -> [Address] {
        var addresses: [Address] = []
        for row in members { addresses.append(address(of: try row.id("user_id"))) }
        return addresses
    }

    /// Every device of a member, but not the one that sent the message.
    private func address(of user: UserID) -> Address {
        user == sender ? .others(sender, than: device) : .user(user)
    }
}

/// The two users of a direct conversation.
struct DirectPair: Sendable, Equatable {
    let lower: UserID
    let higher: UserID

    init(_ one: UserID, _ other: UserID) {
        lower = min(one, other)
        higher = max(one, other)
    }

    /// What keeps the conversation from existing twice.
    var key: String { "\(lower):\(higher)" }

    /// Makes the conversation and its members, unless it is there or one of the users is not.
    func steps(by creator: UserID, now: Instant) -> [Step] {
        let conversation = SQLValue.id(ConversationID.random(at: now))
        return [
            Step(
                .openDirectConversation,
                [conversation, .text(key), .id(creator), .id(lower), .id(higher), .instant(now)]),
            Step(.joinDirectConversation, [conversation, .id(creator), .id(lower), .id(higher), .instant(now)]),
        ]
    }
}
