import Logging
import NIOConcurrencyHelpers
import NIOCore
import NIOEmbedded
import Primitives
import SignalingCore
import Storage
import TestDatabases

@testable import SignalingService

/// A call service on a real database, with virtual time and two people with a phone and a laptop each.
final class CallWorld: Sendable {
    static let caller = Profile(id: .random(at: .start), username: "anna", displayName: "Anna")
    static let callee = Profile(id: .random(at: .start), username: "ben", displayName: "Ben")
    static let stranger = Profile(id: .random(at: .start), username: "carla", displayName: "Carla")
    /// A conversation of the caller, the callee and the member; a stranger is not in it.
    static let member = Profile(id: .random(at: .start), username: "dora", displayName: "Dora")
    static let group = ConversationID.random(at: .start)
    static let callerPhone = CallOrigin(user: caller.id, device: .random(at: .start))
    static let calleePhone = CallOrigin(user: callee.id, device: .random(at: .start))
    static let calleeLaptop = CallOrigin(user: callee.id, device: .random(at: .start))
    static let strangersPhone = CallOrigin(user: stranger.id, device: .random(at: .start))
    static let membersPhone = CallOrigin(user: member.id, device: .random(at: .start))
    static let people = [caller, callee, stranger, member]

    static let node = NodeID.random(at: .start)

    let database: any Database
    let loop = NIOAsyncTestingEventLoop()
    let clock: NIOLockedValueBox<Instant>
    let events = EventLog()
    let devices = NIOLockedValueBox<[UserID: Set<DeviceID>]>([:])
    /// Users' policies for calls, other than being reachable for everybody.
    let policies: NIOLockedValueBox<[UserID: CalleePolicy]>
    /// Who belongs to the group.
    let members = NIOLockedValueBox<[UserID]>([caller, callee, member].map(\.id))
    /// Those whom the group shows as members but who are members in name only.
    let nominal = NIOLockedValueBox<[UserID]>([])
    /// Holds look-ups of a conversation's members, after reading, until the test lets them go on.
    let gate = Gate()
    let service: CallService

    /// Runs a test with a fresh database and a service on it.
    static func run(
        _ engine: DatabaseEngine, invitesPerMinute: Int = 10, _ body: (CallWorld) async throws -> Void
    ) async throws {
        try await withDatabase(engine) { database, _ in
            let world = CallWorld(database, invitesPerMinute: invitesPerMinute)
            try await world.service.start()
            try await body(world)
        }
    }

    /// Runs a test with a fresh database that knows the people.
    static func withDatabase(
        _ engine: DatabaseEngine, _ body: (any Database, TestDatabase.Place) async throws -> Void
    ) async throws {
        try await TestDatabase.with(engine) { database, place in
            for person in people {
                _ = try await database.commit(
                    WriteUnit([
                        Step(
                            .insertUser,
                            [
                                .id(person.id), .text(person.username), .null, .text("-"), .text(person.displayName),
                                .text(person.displayName.lowercased()), .null, .text("user"), .instant(.start),
                            ])
                    ]))
            }
            let joining = [caller, callee, member].map {
                Step(.insertTestMember, [.id(group), .id($0.id), .instant(.start)])
            }
            _ = try await database.commit(
                WriteUnit([Step(.insertTestGroup, [.id(group), .instant(.start)])] + joining))
            try await body(database, place)
        }
    }

    /// - Parameters:
    ///   - node: The same node represents the server after a restart, a different one a second server.
    ///   - lease: So long by default that it never expires.
    ///   - leaseClock: The clock for comparing leases; the world's own clock when nil.
    init(
        _ database: any Database, now: Instant = .start, node: NodeID = CallWorld.node,
        lease: Instant.Span = .seconds(100 * 24 * 3600), leaseClock: CallService.LeaseClock? = nil,
        invitesPerMinute: Int = 10
    ) {
        self.database = database
        clock = NIOLockedValueBox(now)
        policies = NIOLockedValueBox([:])
        let people = DatabasePeople(
            database: database, policies: policies, members: members, nominal: nominal, gate: gate)
        let world = UnownedWorld()
        var settings = CallService.Settings()
        settings.invitesPerMinute = invitesPerMinute
        settings.node = node
        settings.lease = lease
        service = CallService(
            database: database, events: events, presence: world, people: people, loops: [loop], settings: settings,
            now: { world.now }, leaseClock: leaseClock,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        world.world.withLockedValue { $0 = self }
        for origin in [Self.callerPhone, Self.calleePhone, Self.calleeLaptop, Self.strangersPhone, Self.membersPhone] {
            devices.withLockedValue { _ = $0[origin.user, default: []].insert(origin.device) }
        }
    }

    var now: Instant { clock.withLockedValue { $0 } }

    /// Advances time, for the clock and for the timers.
    func wait(_ span: Instant.Span) async {
        // Inputs from before are handled first.
        await loop.run()
        clock.withLockedValue { $0 = $0 + span }
        await loop.advanceTime(by: .microseconds(span.microseconds))
    }

    /// Advances time, step by step, as long as a condition holds; the suite's time limit ends it.
    func wait(_ step: Instant.Span, while condition: () async throws -> Bool) async throws {
        while try await condition() {
            try Task.checkCancellation()
            await wait(step)
        }
    }

    func invite(
        _ callee: Profile = callee, from origin: CallOrigin = callerPhone, as name: RequestID = .random(at: .start)
    ) async -> CallReply {
        await invite(.user(callee.id), from: origin, as: name)
    }

    func invite(
        _ target: Invite.Target, from origin: CallOrigin = callerPhone, as name: RequestID = .random(at: .start)
    ) async -> CallReply {
        await ask(
            .invite(Invite(clientCallID: name, target: target, type: .voice, media: MediaState(microphone: true))),
            from: origin)
    }

    func join(_ call: CallID, from origin: CallOrigin) async -> CallReply {
        await ask(.join(call, .random(at: now), MediaState()), from: origin)
    }

    func add(_ users: [Profile], to call: CallID, from origin: CallOrigin) async -> CallReply {
        await ask(.add(call, .random(at: now), users.map(\.id)), from: origin)
    }

    func send(_ command: CallCommand, to call: CallID, from origin: CallOrigin) async -> CallReply {
        await ask(.command(call, command), from: origin)
    }

    /// Sends a request to the service, and waits for the answer.
    func ask(_ request: CallRequest, from origin: CallOrigin) async -> CallReply {
        await events.answer(to: origin) { replyTo in
            service.submit(request, from: Self.profile(of: origin), replyTo: replyTo)
        }
    }

    private static func profile(of origin: CallOrigin) -> Profile {
        people.first { $0.id == origin.user } ?? caller
    }

    func openCalls(of origin: CallOrigin) async -> [CallView] {
        await withCheckedContinuation { continuation in
            service.deviceConnected(origin) { continuation.resume(returning: $0) }
        }
    }

    /// Adds somebody to the group as a nominal member.
    func addNominally(_ profile: Profile) async throws {
        nominal.withLockedValue { $0.append(profile.id) }
        let values: [SQLValue] = [.id(Self.group), .id(profile.id), .id(Self.caller.id), .instant(now)]
        _ = try await database.commit(WriteUnit([Step(.insertTestNominalMember, values, expectedRows: 1)]))
    }

    /// Removes a nominal member from the group, without telling the service.
    func removeNominalSilently(_ profile: Profile) async throws {
        nominal.withLockedValue { $0.removeAll { $0 == profile.id } }
        let step = Step(.removeTestNominalMember, [.id(Self.group), .id(profile.id)], expectedRows: 1)
        _ = try await database.commit(WriteUnit([step]))
    }

    /// Removes somebody from the group, without telling the service.
    func removeSilently(_ profile: Profile) async throws {
        members.withLockedValue { $0.removeAll { $0 == profile.id } }
        _ = try await database.commit(
            WriteUnit([
                Step(.removeTestMember, [.id(Self.group), .id(profile.id), .instant(now)], expectedRows: 1)
            ]))
    }

    /// Removes somebody from the group.
    func remove(_ profile: Profile) async throws {
        try await removeSilently(profile)
        service.membershipEnded(profile.id, in: Self.group)
    }

    /// The stored call.
    func stored(_ id: CallID) async throws -> Call? {
        try await CallArchive(database: database, rules: CallRules(), logger: Logger(label: "test")).call(id)?.call
    }
}

/// While it is closed, holds all tasks until it is opened.
final class Gate: Sendable {
    private struct State {
        var isClosed = false
        var held: [CheckedContinuation<Void, Never>] = []
        var watchers: [CheckedContinuation<Void, Never>] = []
    }

    private let state = NIOLockedValueBox(State())

    func close() { state.withLockedValue { $0.isClosed = true } }

    func open() {
        let held = state.withLockedValue { state in
            state.isClosed = false
            defer { state.held = [] }
            return state.held
        }
        for continuation in held { continuation.resume() }
    }

    /// Waits until a task is held.
    func somebodyIsHeld() async {
        await withCheckedContinuation { continuation in
            let isHeld = state.withLockedValue { state in
                if state.held.isEmpty { state.watchers.append(continuation) }
                return !state.held.isEmpty
            }
            if isHeld { continuation.resume() }
        }
    }

    func pass() async {
        await withCheckedContinuation { continuation in
            let watchers = state.withLockedValue { state -> [CheckedContinuation<Void, Never>]? in
                guard state.isClosed else { return nil }
                state.held.append(continuation)
                defer { state.watchers = [] }
                return state.watchers
            }
            guard let watchers else { return continuation.resume() }
            for watcher in watchers { watcher.resume() }
        }
    }
}

/// Lets the service use a world that is created after it.
private final class UnownedWorld: DevicePresence {
    let world = NIOLockedValueBox<CallWorld?>(nil)

    var now: Instant { world.withLockedValue { $0 }?.now ?? .start }

    func connectedDevices(of user: UserID) -> Set<DeviceID> {
        world.withLockedValue { $0 }?.devices.withLockedValue { $0[user] } ?? []
    }
}

/// Everything that was delivered, in order; a test can wait for what it expects. Answers go to the device that asked.
final class EventLog: CallEvents {
    struct Entry: Sendable, Equatable {
        let event: CallEvent
        let call: Call
        let address: Address
    }

    private struct State {
        var asked: UInt32 = 0
        var asking: [ReplyTo: CheckedContinuation<CallReply, Never>] = [:]
        var entries: [Entry] = []
        var broadcasts = 0
        var listeners: [Int: AsyncStream<Entry>.Continuation] = [:]
        var nextListener = 0
    }

    private let state = NIOLockedValueBox(State())

    /// Called for each broadcast, like the cost of encoding.
    let costs = NIOLockedValueBox<@Sendable () -> Void>({})

    /// The events for each address.
    var entries: [Entry] { state.withLockedValue { $0.entries } }

    /// The number of broadcasts, each to any number of addresses: each one is one encoding.
    var broadcasts: Int { state.withLockedValue { $0.broadcasts } }

    /// Forgets all events so far.
    func forget() { state.withLockedValue { ($0.entries, $0.broadcasts) = ([], 0) } }

    /// The answer to the request that the closure sends with the given `ReplyTo`.
    func answer(to origin: CallOrigin, _ ask: (ReplyTo) -> Void) async -> CallReply {
        await withCheckedContinuation { continuation in
            let replyTo = state.withLockedValue { state in
                state.asked += 1
                let replyTo = ReplyTo(origin, socket: 1, request: state.asked)
                state.asking[replyTo] = continuation
                return replyTo
            }
            ask(replyTo)
        }
    }

    func reply(_ reply: CallReply, to replyTo: ReplyTo) {
        state.withLockedValue { $0.asking.removeValue(forKey: replyTo) }?.resume(returning: reply)
    }

    func deliver(_ event: CallEvent, of view: CallView, to addresses: [Address]) {
        costs.withLockedValue { $0 }()
        state.withLockedValue { $0.broadcasts += 1 }
        for address in addresses {
            let entry = Entry(event: event, call: view.call, address: address)
            let listeners = state.withLockedValue { state in
                state.entries.append(entry)
                return state.listeners.values
            }
            for listener in listeners { listener.yield(entry) }
        }
    }

    /// The first event, past or future, that fulfils a condition; the suite's time limit ends the wait.
    func first(_ condition: (Entry) -> Bool) async throws -> Entry {
        let (future, continuation) = AsyncStream.makeStream(of: Entry.self)
        let (past, number) = state.withLockedValue { state in
            state.nextListener += 1
            state.listeners[state.nextListener] = continuation
            return (state.entries, state.nextListener)
        }
        defer { state.withLockedValue { $0.listeners[number] = nil } }
        if let entry = past.first(where: condition) { return entry }
        for await entry in future where condition(entry) { return entry }
        throw CancellationError()
    }
}

/// Reads the users from the database and creates their direct conversations.
private struct DatabasePeople: CallPeople {
    let database: any Database
    let policies: NIOLockedValueBox<[UserID: CalleePolicy]>
    let members: NIOLockedValueBox<[UserID]>
    let nominal: NIOLockedValueBox<[UserID]>
    let gate: Gate

    func members(of conversation: ConversationID) async throws(CallPeopleError) -> Set<UserID> {
        let found: Set<UserID>
        if conversation == CallWorld.group {
            found = Set(members.withLockedValue { $0 })
        } else {
            do {
                let rows = try await database.query(.membersOfConversation, [.id(conversation)])
                found = Set(try rows.map { try $0.id("user_id") })
            } catch {
                throw .unavailable
            }
        }
        await gate.pass()
        return found
    }

    func conversation(
        _ id: ConversationID, of user: UserID
    ) async throws(CallPeopleError) -> (mode: Call.Mode, members: [UserID], nominal: Set<UserID>) {
        let members = members.withLockedValue { $0 }
        guard id == CallWorld.group, members.contains(user) else { throw .notFound }
        let nominal = nominal.withLockedValue { $0 }
        await gate.pass()
        return (.group, members + nominal, Set(nominal))
    }

    func calleePolicies(
        of users: [UserID], calledBy caller: UserID
    ) async throws(CallPeopleError) -> [UserID: CalleePolicy] {
        var found: [UserID: CalleePolicy] = [:]
        for profile in CallWorld.people where users.contains(profile.id) {
            found[profile.id] = policies.withLockedValue { $0[profile.id] } ?? CalleePolicy(profile: profile)
        }
        return found
    }

    func directCallee(
        _ callee: UserID, calledBy caller: UserID, as name: RequestID
    ) async throws(CallPeopleError) -> DirectCallee? {
        guard let policy = try await calleePolicies(of: [callee], calledBy: caller)[callee] else { return nil }
        do {
            let isRepeated = try await !database.query(.callByClientID, [.id(caller), .id(name)]).isEmpty
            let known = try await database.query(.conversationIDByDirectKey, [key(of: caller, callee), .id(caller)])
            return DirectCallee(policy: policy, conversation: try known.first?.id("id"), isRepeated: isRepeated)
        } catch {
            throw .unavailable
        }
    }

    private func key(of one: UserID, _ other: UserID) -> SQLValue {
        .text([one, other].sorted().map(\.description).joined(separator: ":"))
    }

    func directConversation(
        between caller: UserID, and callee: UserID
    ) async throws(CallPeopleError) -> ConversationID {
        do {
            guard try await !database.query(.userByID, [.id(callee)]).isEmpty else { throw CallPeopleError.notFound }
            let key = key(of: caller, callee)
            let id = SQLValue.id(ConversationID.random(at: .start))
            let both: [SQLValue] = [.id(caller), .id(callee), .instant(.start)]
            _ = try await database.commit(
                WriteUnit([
                    Step(.openDirectConversation, [id, key, .id(caller)] + both),
                    Step(.joinDirectConversation, [id, .id(caller)] + both),
                    Step(.beginDirectConversation, [key, .id(caller), .instant(.start)]),
                ]))
            guard let conversation = try await database.query(.conversationByDirectKey, [key, .id(caller)]).first else {
                throw CallPeopleError.unavailable
            }
            return try conversation.id("id")
        } catch let error as CallPeopleError {
            throw error
        } catch {
            throw .unavailable
        }
    }
}

extension Statement {
    /// Parameters: id, created_at.
    fileprivate static let insertTestGroup = Statement(
        "insert_test_group",
        """
        INSERT INTO conversations (id, type, name, created_at, updated_at) VALUES ($1, 'group', 'Test', $2, $2)
        """)

    /// Parameters: conversation_id, user_id, joined_at.
    fileprivate static let insertTestMember = Statement(
        "insert_test_member",
        "INSERT INTO conversation_participants (conversation_id, user_id, joined_at) VALUES ($1, $2, $3)")

    /// Parameters: conversation_id, user_id, inviter_id, created_at.
    fileprivate static let insertTestNominalMember = Statement(
        "insert_test_nominal_member",
        """
        INSERT INTO group_invitations (conversation_id, user_id, inviter_id, hidden, created_at, shown_role)
        VALUES ($1, $2, $3, FALSE, $4, 'member')
        """)

    /// Parameters: conversation_id, user_id.
    fileprivate static let removeTestNominalMember = Statement(
        "remove_test_nominal_member", "DELETE FROM group_invitations WHERE conversation_id = $1 AND user_id = $2")

    /// Parameters: conversation_id, user_id, left_at.
    fileprivate static let removeTestMember = Statement(
        "remove_test_member",
        "UPDATE conversation_participants SET left_at = $3 WHERE conversation_id = $1 AND user_id = $2")
}

extension Instant {
    static let start = Instant(microseconds: 1_700_000_000_000_000)
}

struct UnexpectedReply: Error {
    let reply: CallReply
}

extension CallReply {
    /// The call in the answer to a command that was carried out.
    var call: Call {
        get throws {
            guard case .done(let view) = self else { throw UnexpectedReply(reply: self) }
            return view.call
        }
    }

    /// Why a command was refused, if it was.
    var refusal: CallRefusal? {
        if case .refused(let refusal, _) = self { refusal } else { nil }
    }

    var isUnavailable: Bool {
        if case .unavailable = self { true } else { false }
    }
}
