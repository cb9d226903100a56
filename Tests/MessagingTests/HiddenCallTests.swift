import Primitives
import Storage
import TestDatabases
import Testing

@testable import Messaging

/// A call that somebody must not hear of leaves no trace with them, and all that it leaves otherwise with whoever placed it.
@Suite(.timeLimit(.minutes(1))) struct HiddenCallTests {
    /// A call from one to the other that nobody answered, with its message.
    private func call(
        from caller: UserID, to callee: UserID, isHidden: Bool, in conversation: ConversationID, _ world: MessagingWorld
    ) async throws -> CallID {
        let call = CallID.random(at: world.clock.now)
        let now = SQLValue.instant(world.clock.now)
        let insertCall = Statement(
            "test_insert_call",
            """
            INSERT INTO calls (
                id, conversation_id, initiator_id, client_call_id, mode, type, status, revision, started_at, ended_at,
                end_reason)
            VALUES ($1, $2, $3, $4, 'direct', 'voice', 'missed', 1, $5, $5, 'no_answer')
            """)
        let insertParticipant = Statement(
            "test_insert_participant",
            """
            INSERT INTO call_participants (call_id, user_id, status, left_at, leave_reason, hidden, started_at)
            VALUES ($1, $2, 'left', $3, 'no_answer', $4, $3)
            """)
        let line = SystemMessage(
            CallSummary(
                call: call, type: "voice", status: "missed", endReason: "no_answer", durationSeconds: 0,
                initiator: caller),
            in: conversation, at: world.clock.now)
        _ = try await world.database.commit(
            WriteUnit(
                [
                    Step(
                        insertCall,
                        [.id(call), .id(conversation), .id(caller), .id(RequestID.random(at: world.clock.now)), now]),
                    Step(insertParticipant, [.id(call), .id(caller), now, .boolean(false)]),
                    Step(insertParticipant, [.id(call), .id(callee), now, .boolean(isHidden)]),
                ] + line.steps))
        return call
    }

    @Test(arguments: DatabaseEngine.tested)
    func movesNothingAndCountsForNothing(_ engine: DatabaseEngine) async throws {
        try await MessagingWorld.with(engine) { world in
            let (ann, ben, eve) = (
                try await world.user("ann"), try await world.user("ben"), try await world.user("eve")
            )
            let withEve = try await world.service.directConversation(between: eve, and: ben).id
            try await world.send(world.draft(.user(ben)), from: eve)
            world.clock.advance(.seconds(60))
            let withAnn = try await world.service.directConversation(between: ann, and: ben).id
            try await world.send(world.draft(.user(ben)), from: ann)
            let before = try await world.service.conversations(of: ben)
            #expect(before.conversations.map(\.id) == [withAnn, withEve])

            world.clock.advance(.seconds(60))
            let hidden = try await call(from: eve, to: ben, isHidden: true, in: withEve, world)
            #expect(try await world.service.conversations(of: ben) == before)
            #expect(try await world.service.conversation(withEve, for: ben).lastSeq == 1)
            #expect(try await world.service.history(of: withEve, reader: ben).messages.map(\.seq) == [1])
            let callers = try #require(try await world.service.conversations(of: eve).conversations.first)
            #expect(callers.lastSeq == 2 && callers.lastMessage?.call?.call == hidden)

            // One that is heard moves it for both.
            _ = try await call(from: eve, to: ben, isHidden: false, in: withEve, world)
            #expect(try await world.service.conversations(of: ben).conversations.map(\.id) == [withEve, withAnn])
        }
    }

    @Test(arguments: DatabaseEngine.tested)
    func makesNoConversation(_ engine: DatabaseEngine) async throws {
        try await MessagingWorld.with(engine) { world in
            let (ben, eve) = (try await world.user("ben"), try await world.user("eve"))
            let conversation = try await world.service.directConversation(between: eve, and: ben).id
            let hidden = try await call(from: eve, to: ben, isHidden: true, in: conversation, world)
            #expect(try await world.service.conversations(of: ben).conversations.isEmpty)
            let callers = try await world.service.conversations(of: eve).conversations
            #expect(callers.map(\.id) == [conversation] && callers.first?.lastMessage?.call?.call == hidden)
            // Whoever opens it finds it empty.
            let opened = try await world.service.directConversation(between: ben, and: eve)
            #expect(opened.id == conversation && opened.lastSeq == 0 && opened.lastMessage == nil)
            try await world.send(world.draft(.user(eve)), from: ben)
            #expect(try await world.service.conversations(of: ben).conversations.map(\.id) == [conversation])
        }
    }

    /// An empty conversation that one has made oneself is there to be written in.
    @Test(arguments: DatabaseEngine.tested)
    func isNotTheSameAsAnEmptyConversation(_ engine: DatabaseEngine) async throws {
        try await MessagingWorld.with(engine) { world in
            let (ben, eve) = (try await world.user("ben"), try await world.user("eve"))
            let conversation = try await world.service.directConversation(between: eve, and: ben).id
            #expect(try await world.service.conversations(of: eve).conversations.map(\.id) == [conversation])
            #expect(try await world.service.conversations(of: ben).conversations.isEmpty)
        }
    }
}
