import Messaging
import Primitives
import Storage
import TestDatabases
import Testing

@Suite(.serialized, .timeLimit(.minutes(1))) struct ConversationTests {
    @Test(
        .enabled(if: TestDatabase.cluster != nil, "RINGBACK_TEST_POSTGRES names no cluster: no test runs on PostgreSQL")
    )
    func postgreSQLIsTested() async throws {
        #expect(DatabaseEngine.tested.contains(.postgresql))
        try await TestDatabase.with(.postgresql) { database, _ in try await database.ping() }
    }

    @Test(arguments: DatabaseEngine.tested) func aPairHasOneDirectConversation(engine: DatabaseEngine) async throws {
        try await MessagingWorld.withTwo(engine) { world, other in
            for round in 0..<10 {
                let ada = try await world.user("ada\(round)")
                let grace = try await world.user("grace\(round)")
                let ids = try await withThrowingTaskGroup(of: ConversationID.self) { group in
                    for number in 0..<12 {
                        group.addTask {
                            let server = number % 2 == 0 ? world : other
                            let pair = number % 3 == 0 ? (ada, grace) : (grace, ada)
                            if number < 6 {
                                return try await server.send(server.draft(.user(pair.1)), from: pair.0).conversation
                            }
                            return try await server.service.directConversation(between: pair.0, and: pair.1).id
                        }
                    }
                    return try await group.reduce(into: Set<ConversationID>()) { $0.insert($1) }
                }
                #expect(ids.count == 1)
                let conversation = try await world.service.directConversation(between: grace, and: ada)
                #expect(Set(ids) == [conversation.id])
                #expect(conversation.type == .direct)
                #expect(conversation.members.map(\.id) == [ada, grace].sorted())
                #expect(Set(conversation.members.map(\.username)) == ["ada\(round)", "grace\(round)"])
                #expect(conversation.lastSeq == 6)
                #expect(conversation.lastMessage?.seq == 6)
                #expect(try await other.service.conversations(of: ada).conversations == [conversation])
            }
        }
    }

    @Test(arguments: DatabaseEngine.tested) func anEmptyConversationHasNoMessage(engine: DatabaseEngine) async throws {
        try await MessagingWorld.with(engine) { world in
            let (ada, grace) = (try await world.user("ada"), try await world.user("grace"))
            let conversation = try await world.service.directConversation(between: ada, and: grace)
            #expect(conversation.lastSeq == 0)
            #expect(conversation.lastMessage == nil)
            #expect(conversation.createdAt == world.clock.now)
            #expect(try await world.service.conversations(of: ada).conversations == [conversation])
            let page = try await world.service.history(of: conversation.id, reader: grace)
            #expect(page == MessagePage(messages: [], hasMore: false))
        }
    }

    @Test(arguments: DatabaseEngine.tested) func listsTheMostRecentlyUsedFirst(engine: DatabaseEngine) async throws {
        try await MessagingWorld.with(engine) { world in
            let ada = try await world.user("ada")
            var conversations: [ConversationID] = []
            for number in 0..<4 {
                let friend = try await world.user("friend\(number)")
                world.clock.advance(.seconds(1))
                conversations.append(
                    try await world.send(world.draft(.user(friend), "\(number)"), from: ada).conversation)
            }
            world.clock.advance(.seconds(1))
            let newest = try await world.send(world.draft(.conversation(conversations[1]), "again"), from: ada)
            let listed = try await world.service.conversations(of: ada).conversations
            #expect(listed.map(\.id) == [1, 3, 2, 0].map { conversations[$0] })
            #expect(listed.map(\.lastMessage?.body.exposed) == ["again", "3", "2", "0"])
            #expect(listed[0].lastMessage == newest)
            #expect(listed.map(\.members.count) == [2, 2, 2, 2])
            #expect(listed.allSatisfy { $0.members.contains { $0.id == ada } })
            let two = try await world.service.conversations(of: ada, limit: 2).conversations
            #expect(two == Array(listed.prefix(2)))
            #expect(try await world.service.conversations(of: ada, limit: -1).conversations.count == 1)
            #expect(try await world.service.conversations(of: ada, limit: .max).conversations.count == 4)
        }
    }

    @Test(arguments: DatabaseEngine.tested) func nothingIsOutOfReachInTheList(engine: DatabaseEngine) async throws {
        try await MessagingWorld.with(engine) { world in
            let ada = try await world.user("ada")
            var all: [ConversationID] = []
            for number in 0..<23 {
                let friend = try await world.user("friend\(number)")
                // Several at the same moment: their ids decide the order.
                if number % 3 == 0 { world.clock.advance(.seconds(1)) }
                all.append(try await world.send(world.draft(.user(friend)), from: ada).conversation)
            }
            var (seen, cursor): ([ConversationID], PageCursor<Named.Conversation>?) = ([], nil)
            repeat {
                let page = try await world.service.conversations(of: ada, before: cursor, limit: 5)
                #expect(page.conversations.count == (page.next == nil ? 3 : 5))
                seen += page.conversations.map(\.id)
                // A cursor survives the round trip through a client.
                cursor = page.next.flatMap { PageCursor($0.description) }
                #expect(cursor == page.next)
                world.clock.advance(.seconds(1))
                // A conversation that is used meanwhile moves to the top, and nothing else moves.
                if seen.count == 10 { try await world.send(world.draft(.conversation(seen[2])), from: ada) }
            } while cursor != nil && seen.count <= 23
            #expect(seen.count == 23 && Set(seen) == Set(all))
            let first = try await world.service.conversations(of: ada, limit: 23)
            #expect(first.next == nil)
            #expect(first.conversations.map(\.id) == [seen[2]] + seen.filter { $0 != seen[2] })
        }
    }

    @Test(arguments: DatabaseEngine.tested) func historyIsReadPageByPage(engine: DatabaseEngine) async throws {
        try await MessagingWorld.with(engine) { world in
            let (ada, grace) = (try await world.user("ada"), try await world.user("grace"))
            let conversation = try await world.service.directConversation(between: ada, and: grace).id
            for number in 1...25 {
                try await world.send(
                    world.draft(.conversation(conversation), "\(number)"), from: number % 2 == 0 ? ada : grace)
            }
            func page(_ before: Int64?, _ limit: Int) async throws -> MessagePage {
                try await world.service.history(of: conversation, reader: ada, before: before, limit: limit)
            }
            var seen: [Int64] = []
            var before: Int64?
            repeat {
                let page = try await page(before, 10)
                #expect(page.messages.map(\.seq) == page.messages.map(\.seq).sorted())
                #expect(page.messages.map(\.body.exposed) == page.messages.map { "\($0.seq)" })
                seen = page.messages.map(\.seq) + seen
                before = page.hasMore ? page.messages.first?.seq : nil
            } while before != nil
            #expect(seen == Array(1...25))
            #expect(try await page(nil, 25).hasMore == false)
            #expect(try await page(nil, 24).hasMore)
            #expect(try await page(26, 100).messages.count == 25)
            #expect(try await page(11, 10).hasMore == false)
            for nothing: Int64 in [1, 0, -1, .min] {
                #expect(try await page(nothing, 10) == MessagePage(messages: [], hasMore: false))
            }
            #expect(try await page(.max, 1).messages.map(\.seq) == [25])
            #expect(try await page(nil, 0).messages.count == 1)
            #expect(try await page(nil, .max).messages.count == 25)
        }
    }
}
