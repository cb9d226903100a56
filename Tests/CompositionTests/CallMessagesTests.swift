import Accounts
import Composition
import Foundation
import Messaging
import NIOConcurrencyHelpers
import Primitives
import SignalingCore
import SignalingService
import Storage
import TestBackends
import TestDatabases
import Testing
import Wire

/// The messages that calls leave, among those that people write.
@Suite(.serialized, .timeLimit(.minutes(2))) struct CallMessagesTests {
    /// Two people and their conversation.
    private struct Pair: Sendable {
        let caller: UserID
        let callee: UserID
        let conversation: ConversationID
    }

    private static let pairCount = 5
    private static let rounds = 8

    /// On PostgreSQL a batch of one server locks several conversations in the order of its units, and one of the other
    /// server in another order: now and then each waits for the other.
    @Test(
        "Calls end on two servers while people write: nothing is lost, and the places have no gaps",
        arguments: DatabaseEngine.tested)
    func besideMessages(_ engine: DatabaseEngine) async throws {
        try await TestDatabase.with(engine) { database, place in
            let other = try place.open()
            let servers = [await Server(database), await Server(other)]
            for server in servers { try await server.backend.calls.start() }
            var pairs: [Pair] = []
            for number in 0..<Self.pairCount { pairs.append(try await servers[0].makePair(number)) }
            for server in servers { for pair in pairs { server.connect(pair) } }

            let (calls, messages) = try await withThrowingTaskGroup(of: (calls: [CallID], messages: [Message]).self) {
                tasks in
                for (number, pair) in pairs.enumerated() {
                    tasks.addTask {
                        var calls: [CallID] = []
                        // Each call of a pair has another owner than the previous one.
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
                let page = try await servers[0].backend.messaging.history(
                    of: pair.conversation, reader: pair.callee, limit: MessagingService.pageLimit)
                #expect(page.messages.map(\.seq) == Array(1...Int64(3 * Self.rounds)))
                let written = messages.filter { $0.conversation == pair.conversation }.sorted { $0.seq < $1.seq }
                #expect(page.messages.filter { $0.type == .text } == written)
                told += page.messages.compactMap { $0.call?.call }
            }
            #expect(told.sorted() == calls.sorted())
            for server in servers { await server.backend.calls.stop() }
            await other.close()
        }
    }

    /// One of two servers on a database, reduced to calls and messages.
    private final class Server: Sendable {
        let database: any Database
        let backend: Backend
        private let sockets = NIOLockedValueBox<[UserID: AnswerSocket]>([:])

        init(_ database: any Database) async {
            self.database = database
            var settings = Backend.Settings()
            settings.calls.invitesPerMinute = 10_000
            backend = await Backend(testing: database, settings: settings, now: Self.now)
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
            let conversation = try await backend.messaging.directConversation(between: users[0], and: users[1]).id
            return Pair(caller: users[0], callee: users[1], conversation: conversation)
        }

        /// Connects both of a pair, with a device each.
        func connect(_ pair: Pair) {
            for (user, name) in [(pair.caller, "caller"), (pair.callee, "callee")] {
                let profile = Profile(id: user, username: name, displayName: name.capitalized)
                let socket = AnswerSocket(profile, DeviceID(high: user.high, low: user.low), at: backend)
                sockets.withLockedValue { $0[user] = socket }
            }
        }

        /// Calls and hangs up before anybody answers; retries when told to, as a client does.
        func call(_ pair: Pair) async throws -> CallID {
            let invite = Invite(
                clientCallID: .random(at: Self.now()), target: .user(pair.callee), type: .voice, media: MediaState())
            let placed = try await done(.invite(invite), by: pair.caller)
            let id = try #require(CallID(placed.id))
            let ended = try await done(.command(id, .cancel(.random(at: Self.now()))), by: pair.caller)
            #expect(ended.endReason == .cancelled)
            return id
        }

        private func done(_ request: CallRequest, by user: UserID) async throws -> WireCall {
            let socket = try #require(sockets.withLockedValue { $0[user] })
            let origin = CallOrigin(user: user, device: socket.identity.device)
            for _ in 0..<20 {
                let answer = await socket.answer { id in
                    backend.calls.submit(
                        request, from: socket.identity.profile,
                        replyTo: ReplyTo(origin, socket: socket.number, request: id))
                }
                switch answer.body {
                case .ok(let ok): return ok.call
                case .error(let error) where error.code == .unavailable: continue
                case .error, .event, nil: throw Unexpected(reply: "\(answer)")
                }
            }
            throw Unexpected(reply: "unavailable, again and again")
        }

        /// Writes a message; sends it again when told to, as a client does.
        func write(to pair: Pair) async throws -> Message {
            let draft = Draft(
                to: .conversation(pair.conversation), clientMessageID: .random(at: Self.now()), body: Redacted("Hello"))
            var last: MessagingError?
            for _ in 0..<20 {
                let result = await withCheckedContinuation { continuation in
                    backend.messaging.send(
                        draft, from: pair.callee, device: DeviceID(high: pair.callee.high, low: pair.callee.low)
                    ) {
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

    private struct Unexpected: Error {
        let reply: String
    }
}
