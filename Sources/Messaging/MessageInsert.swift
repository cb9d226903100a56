import Primitives
import Storage

/// The steps that store one message, and the meaning of the database's answer. Has no state and does nothing itself, so
/// it can be queued again as it is.
struct MessageInsert: Sendable {
    /// The result.
    enum Outcome: Sendable, Equatable {
        /// It is stored, in this place as the sender counts, and goes to these recipients.
        case stored(Message, to: [Recipient])
        /// It was already stored.
        case repeated(Message)
        /// There is no such conversation or user, or the sender may not use it.
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

    /// The sender's own name for the message.
    var key: UnknownOutcomes.Key {
        UnknownOutcomes.Key(sender: sender, clientMessageID: draft.clientMessageID)
    }

    /// How long the body is, in bytes of UTF-8.
    var byteCount: Int { draft.body.exposed.utf8.count }

    /// Who has written where.
    struct FirstMessage: Sendable, Hashable {
        var sender: UserID
        var target: Draft.Target
    }

    /// What follows from a first message is noted only once: that there is a conversation, that it has begun, and that
    /// the sender knows the recipient.
    var first: FirstMessage { FirstMessage(sender: sender, target: draft.target) }

    /// Finds the message if it was already stored.
    var earlier: Step { Step(.earlierMessage, [.id(sender), .id(draft.clientMessageID), .id(message)]) }

    /// Why it is refused if it is.
    var refusal: MessagingError {
        switch draft.target {
        case .conversation: .noConversation
        case .user: .noUser
        }
    }

    /// One unit that needs no earlier read, so that the order of the queue is the order of the conversation.
    ///
    /// Taking the next place locks the conversation, so the places have no gaps and follow the commits. The message is
    /// only inserted into a place that was just taken: a repeat or a stranger takes none.
    /// - Parameter isFirst: Whether the sender is not known to have written there before: then a direct conversation is
    ///   made if there is none, the sender knows the other user from now on, and the conversation begins for both.
    func unit(isFirst: Bool) -> WriteUnit {
        let beginning = Step(.beginConversationWithMessage, [.id(message), .instant(now)])
        switch draft.target {
        case .conversation(let conversation):
            let writing = [
                Step(.takeMessageSeq, place(in: .id(conversation))),
                Step(.insertMessage, content(in: .id(conversation))),
                earlier,
                Step(.recipientsOfMessage, [.id(message)]),
            ]
            let noting = Step(
                .noteAcquaintanceByConversation, [.id(sender), .id(conversation), .instant(now)])
            return WriteUnit(isFirst ? writing + [noting, beginning] : writing)
        case .user(let user):
            let pair = DirectPair(sender, user)
            let writing = [
                Step(.takeDirectMessageSeq, place(in: .text(pair.key))),
                Step(.insertDirectMessage, content(in: .text(pair.key)) + [.id(user)]),
                earlier,
            ]
            let noting = Step(.noteAcquaintance, [.id(sender), .id(user), .instant(now)])
            return WriteUnit(isFirst ? pair.steps(by: sender, now: now) + writing + [noting, beginning] : writing)
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

    /// The meaning of the results of the unit's steps.
    func outcome(_ results: [StepResult], isFirst: Bool) throws(DatabaseError) -> Outcome {
        let (insertion, count) =
            switch draft.target {
            case .conversation: (1, 4)
            // The two steps that create the conversation come first.
            case .user: isFirst ? (3, 5) : (1, 3)
            }
        guard results.count >= count else {
            throw DatabaseError(.invalid, "a unit of a message has \(count) steps at least, not \(results.count)")
        }
        guard let row = results[insertion].rows.first else {
            return try earlierMessage(results[insertion + 1].rows).map { Outcome.repeated($0) } ?? .refused
        }
        let stored = Message(
            id: message, conversation: try row.id("conversation_id"), seq: try row.integer("seq"), sender: sender,
            clientMessageID: draft.clientMessageID, type: .text, body: draft.body, createdAt: now)
        switch draft.target {
        case .conversation:
            return .stored(stored, to: try recipients(results[3].rows))
        case .user(let user):
            let other = Recipient(address(of: user), seq: try row.integer("recipient_seq"))
            return .stored(stored, to: [Recipient(address(of: sender), seq: stored.seq), other])
        }
    }

    /// The message in the rows of `earlier`.
    func earlierMessage(_ rows: [Row]) throws(DatabaseError) -> Message? {
        guard let row = rows.first else { return nil }
        return try Message(row: row)
    }

    /// The recipients in the rows of `recipientsOfMessage`.
    func recipients(_ members: [Row]) throws(DatabaseError) -> [Recipient] {
        var recipients: [Recipient] = []
        for row in members {
            recipients.append(Recipient(address(of: try row.id("user_id")), seq: try row.integer("seq")))
        }
        return recipients
    }

    /// Every device of a member, except the one that sent the message.
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

    /// The key that keeps the conversation from existing twice.
    var key: String { "\(lower):\(higher)" }

    /// Creates the conversation and its members, unless it exists or one of the users does not.
    func steps(by creator: UserID, now: Instant) -> [Step] {
        // A user from whom the cause of the conversation is hidden may see the conversation's id later.
        let conversation = SQLValue.id(ConversationID.random())
        return [
            Step(
                .openDirectConversation,
                [conversation, .text(key), .id(creator), .id(lower), .id(higher), .instant(now)]),
            Step(.joinDirectConversation, [conversation, .id(creator), .id(lower), .id(higher), .instant(now)]),
        ]
    }
}
