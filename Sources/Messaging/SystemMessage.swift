import FoundationEssentials
public import Primitives
public import Storage

/// How a call ended, in one line: the content of a call's message.
public struct CallSummary: Sendable, Hashable {
    /// The call.
    public var call: CallID
    /// Voice or video (seed 003, `calls.type`).
    public var type: String
    /// Completed or missed (seed 003, `calls.status`).
    public var status: String
    /// Why it ended (seed 003, `calls.end_reason`).
    public var endReason: String
    /// From the answer to the end, in whole seconds; 0 when nobody answered.
    public var durationSeconds: Int64
    /// Who placed the call.
    public var initiator: UserID

    /// Makes a summary.
    public init(
        call: CallID, type: String, status: String, endReason: String, durationSeconds: Int64, initiator: UserID
    ) {
        self.call = call
        self.type = type
        self.status = status
        self.endReason = endReason
        self.durationSeconds = durationSeconds
        self.initiator = initiator
    }
}

extension CallSummary {
    /// The message's `metadata`.
    private struct Stored: Codable {
        var kind = "call"
        var callID: String
        var callType: String
        var status: String
        var endReason: String
        var durationSeconds: Int64
        var initiatorID: String

        enum CodingKeys: String, CodingKey {
            case kind
            case callID = "call_id"
            case callType = "call_type"
            case status
            case endReason = "end_reason"
            case durationSeconds = "duration_seconds"
            case initiatorID = "initiator_id"
        }
    }

    /// Reads what `metadata` wrote; nil for other metadata.
    init?(metadata: String) {
        guard let stored = try? JSONDecoder().decode(Stored.self, from: Data(metadata.utf8)), stored.kind == "call",
            let call = CallID(stored.callID), let initiator = UserID(stored.initiatorID)
        else { return nil }
        self.init(
            call: call, type: stored.callType, status: stored.status, endReason: stored.endReason,
            durationSeconds: stored.durationSeconds, initiator: initiator)
    }

    /// As stored with the message: a JSON object whose `kind` is `call`.
    var metadata: String? {
        let stored = Stored(
            callID: call.description, callType: type, status: status, endReason: endReason,
            durationSeconds: durationSeconds, initiatorID: initiator.description)
        return (try? JSONEncoder().encode(stored)).map { String(decoding: $0, as: UTF8.self) }
    }

    /// For clients that do not know summaries.
    var line: String {
        let kind = type == "video" ? "video call" : "voice call"
        guard status == "completed" else { return "\(endReason == "declined" ? "Declined" : "Missed") \(kind)" }
        let duration = durationSeconds < 60 ? "\(durationSeconds) s" : "\(durationSeconds / 60) min"
        return "\(kind.prefix(1).uppercased())\(kind.dropFirst()), \(duration)"
    }
}

/// A message that the server writes into a conversation, and the statements that store it.
///
/// Its statements can be part of any unit and never fail it: if the conversation no longer exists, they do nothing.
public struct SystemMessage: Sendable {
    /// The message, without a place.
    let message: Message
    /// Users who must not see it.
    private let hiddenFrom: [UserID]
    /// Users who are told besides the members; they are former members.
    private let others: [UserID]

    /// The message that a call leaves in its conversation when it is over. It has the call's id, so there is one.
    /// - Parameter hiddenFrom: From whom the call must stay hidden.
    public init(
        _ call: CallSummary, in conversation: ConversationID, at now: Instant, hiddenFrom: [UserID] = []
    ) {
        message = Message(
            id: MessageID(high: call.call.high, low: call.call.low), conversation: conversation, seq: 0, sender: nil,
            clientMessageID: nil, type: .system, body: Redacted(call.line), call: call, createdAt: now)
        self.hiddenFrom = hiddenFrom
        others = []
    }

    /// A plain text message.
    /// - Parameter others: Users who are told besides the members; they are former members.
    init(_ text: String, in conversation: ConversationID, at now: Instant, also others: [UserID] = []) {
        message = Message(
            id: .random(at: now), conversation: conversation, seq: 0, sender: nil, clientMessageID: nil, type: .system,
            body: Redacted(text), createdAt: now)
        hiddenFrom = []
        self.others = others
    }

    /// The message's id.
    public var id: MessageID { message.id }

    /// The statements that store it; repeating them stores it only once. They belong together.
    public var steps: [Step] {
        let (id, conversation) = (SQLValue.id(message.id), SQLValue.id(message.conversation))
        let createdAt = SQLValue.instant(message.createdAt)
        let storing = [
            Step(.takeSystemMessageSeq, [conversation, id, createdAt]),
            Step(
                .insertSystemMessage,
                [id, conversation, .text(message.body.exposed), .text(message.call?.metadata), createdAt]),
        ]
        let hiding = hiddenFrom.map { Step(.hideLine, [id, .id($0)]) }
        return storing + hiding + [Step(.recipientsOfMessage, [id])]
            + others.map { Step(.recipientOfMessage, [id, .id($0)]) }
    }

    /// The recipients, by the results of `steps`; nobody when nothing was stored.
    func recipients(_ results: ArraySlice<StepResult>) throws(DatabaseError) -> [Recipient] {
        let results = Array(results)
        guard results.count > 2 + hiddenFrom.count, !results[1].rows.isEmpty else { return [] }
        var recipients: [Recipient] = []
        for row in results[(2 + hiddenFrom.count)...].flatMap(\.rows) { recipients.append(try Recipient(row: row)) }
        return recipients
    }
}

extension MessagingService {
    /// Delivers a system message whose statements were carried out in another part's unit. Must be called after that
    /// unit is on disk; does not block.
    /// - Parameter results: The results of the message's statements; empty when unknown: then the database is asked.
    public func deliver(_ message: SystemMessage, results: ArraySlice<StepResult>) {
        do throws(DatabaseError) {
            guard results.isEmpty else {
                return deliver(message.message, to: try message.recipients(results))
            }
        } catch {
            _ = messagingError(error, at: "insert_system_message")
            return
        }
        Task {
            let recipients = try? await read(.recipientsOfMessage, [.id(message.id)], Recipient.init(row:))
            deliver(message.message, to: recipients ?? [])
        }
    }
}
