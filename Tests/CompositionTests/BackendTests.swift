import Accounts
import Composition
import Messaging
import Outbox
import Primitives
import SignalingCore
import SignalingService
import Storage
import TestBackends
import TestDatabases
import Testing
import Wire

/// Who is told of what, as the parts are joined.
@Suite(.timeLimit(.minutes(1))) struct BackendTests {
    private static let now = Instant(microseconds: 1_700_000_000_000_000)
    private static let endpoint = OutboxSettings.Endpoint(
        url: Redacted("http://localhost:9/"), secret: Redacted("a secret of enough bytes"))
    private static let people = (1...2 as ClosedRange<UInt64>).map { number in
        Profile(id: UserID(high: 1, low: number), username: "person\(number)", displayName: "Person")
    }

    /// Places a call from the first person to the second.
    private static func placeCall(_ backend: Backend, on database: any Database) async throws -> WireCall {
        for person in people {
            let values: [SQLValue] = [
                .id(person.id), .text(person.username), .null, .null, .text(person.displayName),
                .text(person.username), .null, .text("user"), .instant(now),
            ]
            _ = try await database.commit(WriteUnit([Step(.insertUser, values, expectedRows: 1)]))
        }
        try await backend.calls.start()
        let socket = AnswerSocket(people[0], DeviceID(high: 2, low: 1), at: backend)
        let invite = Invite(
            clientCallID: RequestID(high: 3, low: 1), target: .user(people[1].id), type: .voice, media: MediaState())
        let origin = CallOrigin(user: people[0].id, device: socket.identity.device)
        let answer = await socket.answer { id in
            backend.calls.submit(
                .invite(invite), from: people[0], replyTo: ReplyTo(origin, socket: socket.number, request: id))
        }
        await backend.calls.stop()
        return answer.ok.call
    }

    /// Nothing is running, so what was written for the operator's services is still there.
    @Test(
        arguments: [
            (nil, nil, 0, 0), (endpoint, nil, 1, 0), (nil, endpoint, 0, 1), (endpoint, endpoint, 1, 1),
        ] as [(OutboxSettings.Endpoint?, OutboxSettings.Endpoint?, Int64, Int64)])
    func onlyServicesThatThereAreAreWrittenFor(
        webhooks: OutboxSettings.Endpoint?, push: OutboxSettings.Endpoint?, events: Int64, invites: Int64
    ) async throws {
        try await TestDatabase.with(.sqlite) { database, _ in
            var settings = Backend.Settings()
            settings.outbox.webhooks = webhooks
            settings.outbox.push = push
            let backend = await Backend(testing: database, settings: settings, now: { Self.now })
            #expect((backend.outbox == nil) == (webhooks == nil && push == nil))
            #expect(try await Self.placeCall(backend, on: database).status == .initiated)
            for (channel, count) in [("webhook", events), ("push", invites)] {
                let rows = try await database.query(.pendingOutboxEntries, [.text(channel)])
                #expect(try rows.first?.integer("pending") == count, "\(channel)")
            }
        }
    }

    /// The recorders write with the call: its conversation has begun for both.
    @Test func aCallBeginsItsConversation() async throws {
        try await TestDatabase.with(.sqlite) { database, _ in
            let backend = await Backend(testing: database, now: { Self.now })
            let call = try await Self.placeCall(backend, on: database)
            for person in Self.people {
                let page = try await backend.messaging.conversations(of: person.id, before: nil, limit: 10)
                #expect(page.conversations.map(\.id.description) == [call.conversationID], "\(person.username)")
            }
        }
    }
}
