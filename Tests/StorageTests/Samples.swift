import Primitives
import Testing

@testable import Storage

/// The tests' clock: seconds after a fixed moment.
func moment(_ seconds: Int64) -> Instant {
    Instant(microseconds: 1_800_000_000_000_000 + seconds * 1_000_000)
}

/// A fresh id.
func fresh<Kind>(_ seconds: Int64 = 0) -> Identifier<Kind> {
    .random(at: moment(seconds))
}

extension Database {
    /// Registers a user.
    @discardableResult
    func addUser(_ name: String, displayName: String? = nil) async throws -> UserID {
        let id: UserID = fresh()
        let shown = displayName ?? name
        try await run(
            .insertUser,
            [
                .id(id), .text(name), .null, .text("hash of \(name)"), .text(shown), .text(shown.lowercased()), .null,
                .text("user"), .instant(moment(0)),
            ])
        return id
    }

    /// Makes the direct conversation of two users.
    func addConversation(_ first: UserID, _ second: UserID, at seconds: Int64 = 0) async throws -> ConversationID {
        let key = "\(min(first, second)):\(max(first, second))"
        let id: ConversationID = fresh()
        let at = SQLValue.instant(moment(seconds))
        _ = try await commit(
            WriteUnit([
                Step(.openDirectConversation, [.id(id), .text(key), .id(first), .id(first), .id(second), at]),
                Step(.joinDirectConversation, [.id(id), .id(first), .id(first), .id(second), at]),
                Step(.beginDirectConversation, [.text(key), .id(first), at]),
            ]))
        let row = try #require(try await query(.conversationByDirectKey, [.text(key), .id(first)]).first)
        return try row.id("id")
    }

    /// Sends a message.
    func send(
        _ body: String, _ name: RequestID = fresh(), from sender: UserID, to conversation: ConversationID,
        at seconds: Int64 = 1
    ) async throws -> [StepResult] {
        try await commit(sending(body, name, from: sender, to: conversation, at: seconds))
    }

    /// Writes an initiated direct call with its two participants.
    func addCall(
        in conversation: ConversationID, from caller: UserID, to callee: UserID, name: RequestID = fresh(),
        at seconds: Int64 = 0
    ) async throws -> CallID {
        let id: CallID = fresh(seconds)
        _ = try await commit(
            WriteUnit([
                Step(.insertCall, callValues(id, conversation, caller, name, at: seconds)),
                Step(.putCallParticipant, participantValues(id, caller, "connected", at: seconds)),
                Step(.putCallParticipant, participantValues(id, callee, "ringing", at: seconds)),
            ]))
        return id
    }

    /// The engine's plan for a statement.
    func plan(_ statement: Statement, _ values: [SQLValue]) async throws -> String {
        let explain = engine == .sqlite ? "EXPLAIN QUERY PLAN" : "EXPLAIN"
        let column = engine == .sqlite ? "detail" : "QUERY PLAN"
        let rows = try await query(Statement("explain_\(statement.name)", "\(explain) \(statement.text)"), values)
        return try rows.map { try $0.text(column) }.joined(separator: "\n")
    }
}

/// The unit that sends a message.
func sending(
    _ body: String, _ name: RequestID = fresh(), from sender: UserID, to conversation: ConversationID,
    at seconds: Int64 = 1
) -> WriteUnit {
    let message: MessageID = fresh()
    return WriteUnit([
        Step(.takeMessageSeq, [.id(conversation), .id(sender), .id(name), .instant(moment(seconds))]),
        Step(
            .insertMessage,
            [
                .id(message), .id(conversation), .id(sender), .id(name), .text("text"), .text(body),
                .instant(moment(seconds)),
            ]),
        Step(.recipientsOfMessage, [.id(message)]),
    ])
}

func callValues(
    _ id: CallID, _ conversation: ConversationID, _ caller: UserID, _ name: RequestID, at seconds: Int64 = 0
) -> [SQLValue] {
    [
        .id(id), .id(conversation), .id(caller), .id(name), .text("direct"), .text("video"), .text("initiated"),
        .text("peer"), .integer(1), .instant(moment(seconds)), .null, .null, .instant(moment(seconds + 45)), .null,
        .boolean(false), .id(owner), .integer(1),
    ]
}

/// Who owns the calls.
let owner: NodeID = fresh()

func participantValues(_ call: CallID, _ user: UserID, _ status: String, at seconds: Int64 = 0) -> [SQLValue] {
    [
        .id(call), .instant(moment(seconds)), .id(user), .text(status), .null, .null, .null, .null,
        .instant(moment(45)), .boolean(true),
        .text("participant"), .instant(moment(0)), .boolean(false), .text("member"),
    ]
}

extension Statement {
    /// Writes one participant.
    static let putCallParticipant = putCallParticipants[0]
}

/// Values of a session of a user's device.
func sessionValues(_ id: SessionID, _ user: UserID, _ device: DeviceID, hash: String) -> [SQLValue] {
    [
        .id(id), .id(user), .text(hash), .instant(moment(1000)), .text("192.0.2.1"), .text("Agent/1"), .id(device),
        .text("Phone"), .instant(moment(0)),
    ]
}
