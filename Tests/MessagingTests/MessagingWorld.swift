import Logging
import Messaging
import NIOConcurrencyHelpers
import Primitives
import Storage
import TestDatabases
import Testing

/// A server's messaging, what it delivered to whom, and a few users.
final class MessagingWorld: Sendable {
    static let start = Instant(microseconds: 1_780_000_000_000_000)

    let database: any Database
    let service: MessagingService
    let record: Record
    let clock: Clock

    init(
        _ database: any Database, record: Record = Record(), clock: Clock = Clock(), quotas: QuotaLimits = QuotaLimits()
    ) {
        self.database = database
        self.record = record
        self.clock = clock
        service = MessagingService(
            database: database, events: record, quotas: quotas, now: { [clock] in clock.now },
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
    }

    static func with(
        _ engine: DatabaseEngine, quotas: QuotaLimits = QuotaLimits(), _ body: (MessagingWorld) async throws -> Void
    ) async throws {
        try await TestDatabase.with(engine) { database, _ in
            try await body(MessagingWorld(database, quotas: quotas))
        }
    }

    /// Two servers on one database; on SQLite, which allows only one server, they share the connection.
    static func withTwo(
        _ engine: DatabaseEngine, _ body: (MessagingWorld, MessagingWorld) async throws -> Void
    ) async throws {
        try await TestDatabase.with(engine) { database, place in
            let other = engine == .postgresql ? try place.open() : database
            let world = MessagingWorld(database)
            try await body(world, MessagingWorld(other, record: world.record, clock: world.clock))
            await other.close()
        }
    }

    func user(_ name: String) async throws -> UserID {
        let id = UserID.random(at: clock.now)
        let values: [SQLValue] = [
            .id(id), .text(name), .null, .null, .text(name.uppercased()), .text(name), .null, .text("user"),
            .instant(clock.now),
        ]
        _ = try await database.commit(WriteUnit([Step(.insertUser, values, expectedRows: 1)]))
        return id
    }

    /// Users who know each other, so that nobody has to be invited.
    func friends(_ names: String...) async throws -> [UserID] {
        var users: [UserID] = []
        for name in names { users.append(try await user(name)) }
        for user in users { try await know(user, users.filter { $0 != user }) }
        return users
    }

    /// Notes that a user knows others.
    func know(_ user: UserID, _ others: [UserID]) async throws {
        _ = try await database.commit(
            WriteUnit(others.map { Step(.noteAcquaintance, [.id(user), .id($0), .instant(clock.now)]) }))
    }

    /// A user blocks another one, or ends the block.
    func block(_ blocker: UserID, _ blocked: UserID, ends: Bool = false) async throws {
        let step =
            ends
            ? Step(.unblockUser, [.id(blocker), .id(blocked)])
            : Step(.blockUser, [.id(blocker), .id(blocked), .instant(clock.now), .integer(1000)])
        _ = try await database.commit(WriteUnit([step]))
    }

    func group(_ members: [UserID]) async throws -> ConversationID {
        let id = ConversationID.random(at: clock.now)
        let insertGroup = Statement(
            "test_insert_group",
            "INSERT INTO conversations (id, type, created_at, updated_at) VALUES ($1, 'group', $2, $2)")
        let insertMember = Statement(
            "test_insert_member",
            "INSERT INTO conversation_participants (conversation_id, user_id, joined_at) VALUES ($1, $2, $3)")
        let steps = [Step(insertGroup, [.id(id), .instant(clock.now)])]
        let joins = members.map { Step(insertMember, [.id(id), .id($0), .instant(clock.now)]) }
        _ = try await database.commit(WriteUnit(steps + joins))
        return id
    }

    func leave(_ conversation: ConversationID, _ user: UserID) async throws {
        let leave = Statement(
            "test_leave",
            "UPDATE conversation_participants SET left_at = $3 WHERE conversation_id = $1 AND user_id = $2")
        let step = Step(leave, [.id(conversation), .id(user), .instant(clock.now)], expectedRows: 1)
        _ = try await database.commit(WriteUnit([step]))
    }

    func draft(_ target: Draft.Target, _ body: String = "hello", id: RequestID? = nil) -> Draft {
        Draft(to: target, clientMessageID: id ?? .random(at: clock.now), body: Redacted(body))
    }

    @discardableResult
    func send(
        _ draft: Draft, from sender: UserID, device: DeviceID = .random(at: start)
    ) async throws(MessagingError) -> Message {
        let result = await withCheckedContinuation { continuation in
            service.send(draft, from: sender, device: device) { [record] result in
                if case .success(let message) = result { record.replied(message) }
                continuation.resume(returning: result)
            }
        }
        return try result.get()
    }

    final class Clock: Sendable {
        private let instant = NIOLockedValueBox(MessagingWorld.start)
        var now: Instant { instant.withLockedValue { $0 } }
        func advance(_ span: Instant.Span) { instant.withLockedValue { $0 = $0 + span } }
    }

    /// What happened, in its order.
    final class Record: MessageEvents {
        enum Event: Equatable, Sendable {
            case reply(MessageID)
            case delivery(Message, to: Set<Address>)
            case invitation(GroupInvitation, to: UserID)
            case membershipEnded(UserID, ConversationID)
        }

        private let list = NIOLockedValueBox<[Event]>([])
        private let (arrivals, arrival) = AsyncStream.makeStream(of: Void.self)

        var events: [Event] { list.withLockedValue { $0 } }
        var deliveries: [Message] {
            events.compactMap { event in if case .delivery(let message, _) = event { message } else { nil } }
        }

        var invitations: [UserID] {
            events.compactMap { event in if case .invitation(_, let user) = event { user } else { nil } }
        }

        func replied(_ message: Message) {
            list.withLockedValue { $0.append(.reply(message.id)) }
        }

        func deliver(_ message: Message, to addresses: [Address]) {
            #expect(Set(addresses).count == addresses.count, "nobody is told twice")
            list.withLockedValue { $0.append(.delivery(message, to: Set(addresses))) }
            arrival.yield()
        }

        func deliver(_ invitation: GroupInvitation, to user: UserID) {
            list.withLockedValue { $0.append(.invitation(invitation, to: user)) }
        }

        func membershipEnded(_ user: UserID, in conversation: ConversationID) {
            list.withLockedValue { $0.append(.membershipEnded(user, conversation)) }
        }

        /// Waits until there were so many deliveries; for one caller at a time.
        func waitForDeliveries(_ count: Int) async {
            guard deliveries.count < count else { return }
            for await _ in arrivals where deliveries.count >= count { return }
        }
    }
}

/// Expects a `MessagingError` of a code.
func expect(
    _ code: MessagingError.Code, sourceLocation: SourceLocation = #_sourceLocation, _ body: () async throws -> Void
) async {
    do {
        try await body()
        Issue.record("no error, expected \(code)", sourceLocation: sourceLocation)
    } catch {
        #expect((error as? MessagingError)?.code == code, "\(error)", sourceLocation: sourceLocation)
    }
}
