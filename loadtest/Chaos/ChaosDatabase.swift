import Accounts
import Logging
import Primitives
import Storage

/// Direct access to the database of the server under chaos: users are created here, and the results are read here.
struct ChaosDatabase: Sendable {
    private let database: any Database

    /// Opens the database at a URL, and migrates its schema.
    init(_ url: String) async throws {
        database = try openDatabase(url, logger: Logger(label: "loadtest.storage") { _ in SwiftLogNoOpLogHandler() })
        try await database.migrate()
    }

    func close() async { await database.close() }

    // MARK: Users

    /// Makes users without passwords, and devices with access tokens.
    /// - Parameters:
    ///   - devices: How many devices each user has.
    ///   - keyFile: The server's key for access tokens; created when it is missing.
    static func makeUsers(_ url: String, devices: [Int], keyFile: String, now: Instant) async throws
        -> [(user: String, credentials: [Credential])]
    {
        let opened = try await ChaosDatabase(url)
        let accounts = AccountService(
            database: opened.database, tokens: await AccessTokens(key: try TokenKey.load(orCreateAt: keyFile)),
            passwords: PasswordHasher(cost: 10), now: Instant.wallClock, revocations: NoSessionRevocations(),
            logger: Logger(label: "loadtest.accounts") { _ in SwiftLogNoOpLogHandler() })
        let run = String(UInt32.random(in: 0...UInt32.max), radix: 36)
        var people: [(user: String, credentials: [Credential])] = []
        for (index, count) in devices.enumerated() {
            let user = UserID.random(at: now)
            let name = "chaos-\(run)-\(index)"
            // No hash equals this text, so nobody can log in as them.
            _ = try await opened.database.commit(
                WriteUnit([
                    Step(
                        .insertUser,
                        [
                            .id(user), .text(name), .null, .text("none"), .text(name), .text(name), .null,
                            .text("user"), .instant(now),
                        ])
                ]))
            var credentials: [Credential] = []
            for _ in 0..<count {
                let token = try await accounts.createToken(username: name, lifetime: .seconds(86_400))
                credentials.append(Credential(accessToken: token.accessToken, device: token.device.description))
            }
            people.append((user.description, credentials))
        }
        await opened.close()
        return people
    }

    private struct NoSessionRevocations: SessionRevocations {
        func sessionsRevoked(_ sessions: [SessionID], of user: UserID) {}
        func loggedOut(_ user: UserID, devices: [DeviceID], isLast: Bool) {}
    }

    // MARK: Reading

    /// Everything that the checker reads.
    func state() async throws -> StoredState {
        var state = StoredState()
        try await addCalls(
            to: &state, calls: .chaosCalls, participants: .chaosParticipants, shares: .chaosShares)
        for row in try await database.query(.chaosMessages, []) {
            state.messages.append(
                KnownMessage(
                    conversation: try row.text("conversation_id"), seq: try row.integer("seq"),
                    sender: try row.textIfAny("sender_id") ?? "",
                    clientMessageID: try row.textIfAny("client_message_id") ?? "", body: try row.text("body")))
        }
        for row in try await database.query(.chaosConversations, []) {
            state.lastSeqs[try row.text("id")] = try row.integer("last_seq")
        }
        return state
    }

    /// The open calls, and those that are over and should have no open share.
    func openCalls() async throws -> StoredState {
        var state = StoredState()
        try await addCalls(
            to: &state, calls: .chaosOpenCalls, participants: .chaosOpenParticipants, shares: .chaosOpenShares)
        return state
    }

    private func addCalls(
        to state: inout StoredState, calls: Statement, participants: Statement, shares: Statement
    ) async throws {
        for row in try await database.query(calls, []) {
            let call = StoredState.Call(
                id: try row.text("id"), initiator: try row.text("initiator_id"),
                clientCallID: try row.text("client_call_id"), status: try row.text("status"),
                revision: try row.integer("revision"), startedAt: try row.instant("started_at"),
                answeredAt: try row.instantIfAny("answered_at"), endedAt: try row.instantIfAny("ended_at"),
                endReason: try row.textIfAny("end_reason"))
            state.calls[call.id] = call
        }
        for row in try await database.query(participants, []) {
            let participant = StoredState.Participant(
                user: try row.text("user_id"), status: try row.text("status"),
                joinedAt: try row.instantIfAny("joined_at"), leftAt: try row.instantIfAny("left_at"),
                leaveReason: try row.textIfAny("leave_reason"), ringExpiresAt: try row.instantIfAny("ring_expires_at"),
                rungAt: try row.instantIfAny("rung_at"))
            state.calls[try row.text("call_id")]?.participants.append(participant)
        }
        for row in try await database.query(shares, []) {
            let share = StoredState.Share(
                sharer: try row.text("sharer_user_id"), startedAt: try row.instant("started_at"),
                endedAt: try row.instantIfAny("ended_at"))
            state.calls[try row.text("call_id")]?.shares.append(share)
        }
    }
}

extension Statement {
    private static let callColumns = """
        SELECT c.id, c.initiator_id, c.client_call_id, c.status, c.revision, c.started_at, c.answered_at, c.ended_at,
            c.end_reason
        FROM calls AS c
        """

    private static let participantColumns = """
        SELECT p.call_id, p.user_id, p.status, p.joined_at, p.left_at, p.leave_reason, p.ring_expires_at, p.rung_at
        FROM call_participants AS p
        """

    private static let shareColumns =
        "SELECT s.call_id, s.sharer_user_id, s.started_at, s.ended_at FROM screen_share_logs AS s"

    /// Calls that are open, and calls that have an open share.
    private static let unsettled = """
        SELECT o.id FROM calls AS o
        WHERE o.status IN ('initiated', 'ongoing')
            OR EXISTS (SELECT 1 FROM screen_share_logs AS l WHERE l.call_id = o.id AND l.ended_at IS NULL)
        """

    fileprivate static let chaosCalls = Statement("chaos_calls", callColumns)
    fileprivate static let chaosParticipants = Statement("chaos_participants", participantColumns)
    fileprivate static let chaosShares = Statement("chaos_shares", shareColumns)
    fileprivate static let chaosOpenCalls = Statement(
        "chaos_open_calls", "\(callColumns) WHERE c.id IN (\(unsettled))")
    fileprivate static let chaosOpenParticipants = Statement(
        "chaos_open_participants", "\(participantColumns) WHERE p.call_id IN (\(unsettled))")
    fileprivate static let chaosOpenShares = Statement(
        "chaos_open_shares", "\(shareColumns) WHERE s.call_id IN (\(unsettled))")
    fileprivate static let chaosMessages = Statement(
        "chaos_messages", "SELECT conversation_id, seq, sender_id, client_message_id, body FROM messages")
    fileprivate static let chaosConversations = Statement(
        "chaos_conversations", "SELECT id, last_seq FROM conversations")
}
