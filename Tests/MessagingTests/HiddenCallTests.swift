import Messaging
import Primitives
import Storage
import TestDatabases
import Testing

/// A call that must stay hidden from somebody leaves no trace for them, and its usual traces for the caller.
@Suite(.timeLimit(.minutes(1))) struct HiddenCallTests {
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
            let hidden = try await world.call(from: eve, to: ben, isHidden: true)
            #expect(try await world.service.conversations(of: ben) == before)
            #expect(try await world.service.conversation(withEve, for: ben).lastSeq == 1)
            #expect(try await world.service.history(of: withEve, reader: ben).messages.map(\.seq) == [1])
            let callers = try #require(try await world.service.conversations(of: eve).conversations.first)
            #expect(callers.lastSeq == 2 && callers.lastMessage?.call?.call == hidden)

            // A call that is not hidden moves it for both.
            _ = try await world.call(from: eve, to: ben, isHidden: false)
            #expect(try await world.service.conversations(of: ben).conversations.map(\.id) == [withEve, withAnn])
        }
    }

    @Test(arguments: DatabaseEngine.tested)
    func makesNoConversation(_ engine: DatabaseEngine) async throws {
        try await MessagingWorld.with(engine) { world in
            let (ben, eve) = (try await world.user("ben"), try await world.user("eve"))
            let hidden = try await world.call(from: eve, to: ben, isHidden: true)
            let conversation = try await world.service.directConversation(between: eve, and: ben).id
            #expect(try await world.service.conversations(of: ben).conversations.isEmpty)
            let callers = try await world.service.conversations(of: eve).conversations
            #expect(callers.map(\.id) == [conversation] && callers.first?.lastMessage?.call?.call == hidden)
            // A user who opens it finds it empty, as if they had just made it.
            world.clock.advance(.seconds(60))
            let opened = try await world.service.directConversation(between: ben, and: eve)
            #expect(opened.id == conversation && opened.lastSeq == 0 && opened.lastMessage == nil)
            #expect(opened.createdAt == world.clock.now)
            #expect(try await world.service.conversations(of: ben).conversations == [opened])
            // Ids of version 7 reveal when they were made.
            #expect(conversation.high >> 12 & 0xF == 4)
            try await world.send(world.draft(.user(eve)), from: ben)
            #expect(try await world.service.conversations(of: ben).conversations.map(\.id) == [conversation])
        }
    }

    /// An empty conversation that a user made is there to write in.
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
