import Accounts
import Foundation
import Logging
import Messaging
import NIOConcurrencyHelpers
import NIOPosix
import Primitives
import SignalingCore
import SignalingService
import Storage
import TestDatabases
import Testing

@testable import Gateway

/// The messages that calls leave, beside those that people write.
@Suite(.serialized, .timeLimit(.minutes(2))) struct CallMessagesTests {
    /// Two people and their conversation.
    private struct Pair: Sendable {
        let caller: CallOrigin
        let callee: UserID
        let conversation: ConversationID
    }

    private static let pairCount = 5
    private static let rounds = 8

    /// On PostgreSQL a batch of one server locks several conversations in the order in which it was asked to, and that of
    /// the other one in another: now and then each waits for the other.
    @Test(
        "Calls end on two servers while people write: nothing is lost, and no place is left out",
        arguments: DatabaseEngine.tested)
    func besideMessages(_ engine: DatabaseEngine) async throws {
        try await TestDatabase.with(engine) { database, place in
            let other = try place.open()
            let servers = [await Server(database), await Server(other)]
            for server in servers { try await server.calls.start() }
            var pairs: [Pair] = []
            for number in 0..<Self.pairCount { pairs.append(try await servers[0].makePair(number)) }

            let (calls, messages) = try await withThrowingTaskGroup(of: (calls: [CallID], messages: [Message]).self) {
                tasks in
                for (number, pair) in pairs.enumerated() {
                    tasks.addTask {
                        var calls: [CallID] = []
                        // Each call of a pair has another owner than the one before it.
                        for round in 0..<Self.rounds {
                            calls.append(try await servers[(number + round) % 2].call(pair))
                        }
                        return (calls, [])
                    }
                    for server in servers {
                        tasks.addTask {
                            var messages: [Message] = []
                            for _ in 0..<Self.rounds { messages.append(try await server.write(to: pair)) }
                            return ([], messages)
                        }
                    }
                }
                return try await tasks.reduce(into: ([CallID](), [Message]())) { all, one in
                    all.0 += one.calls
                    all.1 += one.messages
                }
            }
            var told: [CallID] = []
            for pair in pairs {
                let page = try await servers[0].messaging.history(
                    of: pair.conversation, reader: pair.callee, limit: MessagingService.pageLimit)
                #expect(page.messages.map(\.seq) == Array(1...Int64(3 * Self.rounds)))
                let written = messages.filter { $0.conversation == pair.conversation }.sorted { $0.seq < $1.seq }
                #expect(page.messages.filter { $0.type == .text } == written)
                told += page.messages.compactMap { $0.call?.call }
            }
            #expect(told.sorted() == calls.sorted())
            for server in servers { await server.calls.stop() }
            await other.close()
        }
    }

    /// One of two servers on a database, as far as calls and messages go.
    private struct Server: Sendable {
        let database: any Database
        let messaging: MessagingService
        let calls: CallService
        let answers = Answers()

        init(_ database: any Database) async {
            self.database = database
            let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            let registry = SessionRegistry()
            messaging = MessagingService(database: database, events: registry, now: Self.now, logger: logger)
            let accounts = AccountService(
                database: database, tokens: await AccessTokens(key: .random()),
                passwords: PasswordHasher(cost: 10, threads: 1), now: Self.now, revocations: registry, logger: logger)
            var settings = CallService.Settings()
            settings.invitesPerMinute = 10_000
            calls = CallService(
                database: database, events: answers, presence: Everybody(),
                people: ConversationPeople(messaging: messaging, accounts: accounts),
                recorders: [CallMessages(messaging)],
                loops: [MultiThreadedEventLoopGroup.singleton.next()], settings: settings, now: Self.now, logger: logger
            )
        }

        static let now: @Sendable () -> Instant = {
            Instant(microseconds: Int64(Date().timeIntervalSince1970 * 1_000_000))
        }

        func makePair(_ number: Int) async throws -> Pair {
            var users: [UserID] = []
            for name in ["caller\(number)", "callee\(number)"] {
                let user = UserID.random(at: Self.now())
                let values: [SQLValue] = [
                    .id(user), .text(name), .null, .null, .text(name), .text(name), .null, .text("user"),
                    .instant(Self.now()),
                ]
                _ = try await database.commit(WriteUnit([Step(.insertUser, values, expectedRows: 1)]))
                users.append(user)
            }
            let conversation = try await messaging.directConversation(between: users[0], and: users[1]).id
            let device = DeviceID(high: users[0].high, low: users[0].low)
            return Pair(
                caller: CallOrigin(user: users[0], device: device), callee: users[1], conversation: conversation)
        }

        /// Calls and hangs up before anybody answers; asks again, as a client does, when it is told to.
        func call(_ pair: Pair) async throws -> CallID {
            let invite = Invite(
                clientCallID: .random(at: Self.now()), target: .user(pair.callee), type: .voice, media: MediaState())
            let profile = Profile(id: pair.caller.user, username: "caller", displayName: "Caller")
            let placed = try await done(.invite(invite), from: profile, pair.caller)
            let cancel = CallCommand.cancel(.random(at: Self.now()))
            let ended = try await done(.command(placed.call.id, cancel), from: profile, pair.caller)
            #expect(ended.call.endReason == .cancelled)
            return ended.call.id
        }

        private func done(
            _ request: CallRequest, from sender: Profile, _ origin: CallOrigin
        ) async throws -> CallView {
            for _ in 0..<20 {
                let reply = await answers.next(to: origin) {
                    calls.submit(request, from: sender, replyTo: $0)
                }
                switch reply {
                case .done(let view): return view
                case .unavailable: continue
                case .refused, .limited, .usedUp, .failed: throw Unexpected(reply: "\(reply)")
                }
            }
            throw Unexpected(reply: "unavailable, again and again")
        }

        /// Writes a message; sends it again, as a client does, when it is told to.
        func write(to pair: Pair) async throws -> Message {
            let draft = Draft(
                to: .conversation(pair.conversation), clientMessageID: .random(at: Self.now()), body: Redacted("Hello"))
            var last: MessagingError?
            for _ in 0..<20 {
                let result = await withCheckedContinuation { continuation in
                    messaging.send(draft, from: pair.callee, device: pair.caller.device) {
                        continuation.resume(returning: $0)
                    }
                }
                switch result {
                case .success(let message): return message
                case .failure(let error):
                    guard error.code == .unavailable else { throw error }
                    last = error
                }
            }
            throw Unexpected(reply: "\(String(describing: last))")
        }
    }

    /// Gives answers to those who wait for them.
    private final class Answers: CallEvents {
        private struct State {
            var asked: UInt32 = 0
            var asking: [ReplyTo: CheckedContinuation<CallReply, Never>] = [:]
        }

        private let state = NIOLockedValueBox(State())

        func next(to origin: CallOrigin, _ ask: (ReplyTo) -> Void) async -> CallReply {
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

        func deliver(_ event: CallEvent, of view: CallView, to addresses: [Address]) {}
    }

    private struct Unexpected: Error {
        let reply: String
    }

    /// Everybody has one device, which has a socket and the id of its user.
    private struct Everybody: DevicePresence {
        func connectedDevices(of user: UserID) -> Set<DeviceID> { [DeviceID(high: user.high, low: user.low)] }
    }
}
