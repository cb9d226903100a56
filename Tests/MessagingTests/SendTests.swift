import Messaging
import Primitives
import Storage
import Synchronization
import TestDatabases
import Testing

@Suite(.serialized, .timeLimit(.minutes(1))) struct SendTests {
    @Test(arguments: DatabaseEngine.tested) func repliesAndThenDelivers(engine: DatabaseEngine) async throws {
        try await MessagingWorld.with(engine) { world in
            let (ada, grace) = (try await world.user("ada"), try await world.user("grace"))
            let device = DeviceID.random(at: world.clock.now)
            let first = try await world.send(world.draft(.user(grace), "Ωμέγα 🐎"), from: ada, device: device)
            #expect(first.seq == 1)
            #expect(first.sender == ada)
            #expect(first.body.exposed == "Ωμέγα 🐎")
            #expect(first.type == .text)
            #expect(first.createdAt == world.clock.now)
            let answer = try await world.send(
                world.draft(.conversation(first.conversation)), from: grace, device: device)
            #expect(answer.conversation == first.conversation)
            #expect(answer.seq == 2)
            await world.record.waitForDeliveries(2)
            #expect(
                world.record.events == [
                    .reply(first.id), .delivery(first, to: [.others(ada, than: device), .user(grace)]),
                    .reply(answer.id), .delivery(answer, to: [.user(ada), .others(grace, than: device)]),
                ])
            let page = try await world.service.history(of: first.conversation, reader: grace)
            #expect(page == MessagePage(messages: [first, answer], hasMore: false))
            #expect(world.service.sent.value == 2)
        }
    }

    @Test("A direct conversation that has been deleted is made again", arguments: DatabaseEngine.tested)
    func conversationIsMadeAgain(engine: DatabaseEngine) async throws {
        try await MessagingWorld.with(engine) { world in
            let (ada, grace) = (try await world.user("ada"), try await world.user("grace"))
            let first = try await world.send(world.draft(.user(grace)), from: ada)
            // By an operator: the service notes that there is one, and does not make it for every message.
            let deletion = Statement("delete_test_conversation", "DELETE FROM conversations WHERE id = $1")
            let deleting = WriteUnit([Step(deletion, [.id(first.conversation)], expectedRows: 1)])
            _ = try await world.database.commit(deleting)
            let second = try await world.send(world.draft(.user(grace)), from: ada)
            #expect(second.conversation != first.conversation)
            #expect(second.seq == 1)
            let page = try await world.service.history(of: second.conversation, reader: grace)
            #expect(page.messages == [second])
        }
    }

    @Test(arguments: DatabaseEngine.tested) func messagesOfOneSocketKeepTheirOrder(engine: DatabaseEngine)
        async throws
    {
        try await MessagingWorld.with(engine) { world in
            let (ada, grace) = (try await world.user("ada"), try await world.user("grace"))
            let device = DeviceID.random(at: world.clock.now)
            let conversation = try await world.service.directConversation(between: ada, and: grace).id
            let drafts = (0..<300).map { number in
                world.draft(number % 2 == 0 ? .user(grace) : .conversation(conversation), "\(number)")
            }
            for draft in drafts {
                world.service.send(draft, from: ada, device: device) { result in
                    if case .success(let message) = result { world.record.replied(message) }
                }
            }
            await world.record.waitForDeliveries(300)
            let deliveries = world.record.deliveries
            #expect(deliveries.map(\.body.exposed) == (0..<300).map(String.init))
            #expect(deliveries.map(\.seq) == Array(1...300))
            #expect(
                world.record.events
                    == deliveries.flatMap { message -> [MessagingWorld.Record.Event] in
                        [.reply(message.id), .delivery(message, to: [.others(ada, than: device), .user(grace)])]
                    })
        }
    }

    @Test(arguments: DatabaseEngine.tested) func placesHaveNoGapsUnderConcurrency(engine: DatabaseEngine) async throws {
        try await MessagingWorld.withTwo(engine) { world, other in
            let (ada, grace) = (try await world.user("ada"), try await world.user("grace"))
            let stranger = try await world.user("mallory")
            let conversation = try await world.service.directConversation(between: ada, and: grace).id
            let places = try await withThrowingTaskGroup(of: Int64?.self) { group in
                for number in 0..<400 {
                    group.addTask {
                        let server = number % 2 == 0 ? world : other
                        switch number % 5 {
                        case 4:
                            // Those who may not write take no place.
                            let refused = try? await server.send(
                                server.draft(.conversation(conversation)), from: stranger)
                            #expect(refused == nil)
                            return nil
                        case 3:
                            return try await server.send(server.draft(.user(grace)), from: ada).seq
                        default:
                            let sender = number % 3 == 0 ? ada : grace
                            return try await server.send(server.draft(.conversation(conversation)), from: sender).seq
                        }
                    }
                }
                return try await group.reduce(into: [Int64]()) { all, one in if let one { all.append(one) } }
            }
            #expect(places.sorted() == Array(1...320))
            await world.record.waitForDeliveries(320)
            #expect(Set(world.record.deliveries.map(\.seq)) == Set(1...320))
            let page = try await world.service.history(of: conversation, reader: ada, limit: 100)
            #expect(page.messages.map(\.seq) == Array(221...320))
        }
    }

    @Test(arguments: DatabaseEngine.tested) func aRepeatIsTheSameMessage(engine: DatabaseEngine) async throws {
        try await MessagingWorld.with(engine) { world in
            let (ada, grace) = (try await world.user("ada"), try await world.user("grace"))
            let draft = world.draft(.user(grace), "once")
            let first = try await world.send(draft, from: ada)
            world.clock.advance(.seconds(5))
            var changed = draft
            changed.body = Redacted("twice")
            #expect(try await world.send(draft, from: ada) == first)
            #expect(try await world.send(changed, from: ada, device: .random(at: world.clock.now)) == first)
            changed.target = .conversation(first.conversation)
            #expect(try await world.send(changed, from: ada) == first)
            // Another sender may use the same id for something else.
            let other = try await world.send(world.draft(.user(ada), "mine", id: draft.clientMessageID), from: grace)
            #expect(other.seq == 2)
            await world.record.waitForDeliveries(2)
            #expect(world.record.deliveries == [first, other])
            #expect(world.service.sent.value == 2)
            #expect(world.service.repeated.value == 3)
            let conversation = try await world.service.directConversation(between: ada, and: grace)
            #expect(conversation.lastSeq == 2)
        }
    }

    @Test(arguments: DatabaseEngine.tested)
    func aRepeatFromTwoPlacesAtOnceIsTheSameMessage(engine: DatabaseEngine) async throws {
        try await MessagingWorld.withTwo(engine) { world, other in
            let (ada, grace) = (try await world.user("ada"), try await world.user("grace"))
            let conversation = try await world.service.directConversation(between: ada, and: grace).id
            var ids: Set<MessageID> = []
            for number in 0..<60 {
                let draft = world.draft(number % 2 == 0 ? .conversation(conversation) : .user(grace), "\(number)")
                let answers = try await withThrowingTaskGroup(of: Message.self) { group in
                    // Two alone meet in the database, four also in one transaction.
                    for server in number % 3 == 0 ? [world, other, world, other] : [world, other] {
                        group.addTask { try await server.send(draft, from: ada) }
                    }
                    return try await group.reduce(into: Set<Message>()) { $0.insert($1) }
                }
                #expect(answers.count == 1)
                #expect(answers.first?.seq == Int64(number + 1))
                ids.formUnion(answers.map(\.id))
            }
            #expect(ids.count == 60)
            await world.record.waitForDeliveries(60)
            #expect(world.record.deliveries.map(\.seq).sorted() == Array(1...60))
            #expect(world.service.sent.value + other.service.sent.value == 60)
        }
    }

    @Test(arguments: DatabaseEngine.tested) func refusesStrangersWithoutTellingWhy(engine: DatabaseEngine)
        async throws
    {
        try await MessagingWorld.with(engine) { world in
            let (ada, grace) = (try await world.user("ada"), try await world.user("grace"))
            let mallory = try await world.user("mallory")
            let conversation = try await world.send(world.draft(.user(grace)), from: ada).conversation
            let nowhere = ConversationID.random(at: world.clock.now)
            let nobody = UserID.random(at: world.clock.now)
            var refusals: [MessagingError] = []
            for target in [conversation, nowhere] {
                do throws(MessagingError) {
                    try await world.send(world.draft(.conversation(target)), from: mallory)
                } catch {
                    refusals.append(error)
                }
                do throws(MessagingError) {
                    _ = try await world.service.history(of: target, reader: mallory)
                } catch {
                    refusals.append(error)
                }
            }
            #expect(refusals.count == 4)
            #expect(Set(refusals.map(\.message)).count == 1)
            #expect(refusals.allSatisfy { $0.code == .notFound })
            await expect(.notFound) { try await world.send(world.draft(.user(nobody)), from: ada) }
            await expect(.notFound) { _ = try await world.service.directConversation(between: ada, and: nobody) }
            await expect(.invalid(.userID)) { try await world.send(world.draft(.user(ada)), from: ada) }
            await expect(.invalid(.userID)) { _ = try await world.service.directConversation(between: ada, and: ada) }
            #expect(try await world.service.conversations(of: mallory).conversations.isEmpty)
            #expect(try await world.service.conversations(of: ada).conversations.map(\.lastSeq) == [1])
            await world.record.waitForDeliveries(1)
            #expect(world.record.deliveries.count == 1)
        }
    }

    @Test(arguments: DatabaseEngine.tested) func bodiesHaveLimits(engine: DatabaseEngine) async throws {
        try await MessagingWorld.with(engine) { world in
            let (ada, grace) = (try await world.user("ada"), try await world.user("grace"))
            func send(_ body: String) async throws -> Message {
                try await world.send(world.draft(.user(grace), body), from: ada)
            }
            let longest = String(repeating: "é", count: 8 * 1024)
            #expect(try await send(longest).body.exposed == longest)
            #expect(try await send(" ").seq == 2)
            await expect(.tooLarge) { _ = try await send(longest + "x") }
            await expect(.tooLarge) { _ = try await send(String(repeating: "x", count: 1_000_000)) }
            await expect(.invalid(.body)) { _ = try await send("") }
            await expect(.invalid(.body)) { _ = try await send("a\0b") }
            #expect(try await send("'; DROP TABLE messages; --").seq == 3)
        }
    }

    @Test(arguments: DatabaseEngine.tested) func aSuspendedRecipientIsLikeAnyOther(engine: DatabaseEngine)
        async throws
    {
        try await MessagingWorld.with(engine) { world in
            let (ada, grace) = (try await world.user("ada"), try await world.user("grace"))
            let block = Step(.setUserBlocked, [.id(grace), .boolean(true), .instant(world.clock.now)], expectedRows: 1)
            _ = try await world.database.commit(WriteUnit([block]))
            #expect(try await world.send(world.draft(.user(grace)), from: ada).seq == 1)
        }
    }

    @Test(arguments: DatabaseEngine.tested) func aGroupIsDeliveredToItsMembers(engine: DatabaseEngine) async throws {
        try await MessagingWorld.with(engine) { world in
            var users: [UserID] = []
            for name in ["ada", "grace", "alan", "edsger"] { users.append(try await world.user(name)) }
            let group = try await world.group(users)
            try await world.leave(group, users[3])
            let device = DeviceID.random(at: world.clock.now)
            let message = try await world.send(world.draft(.conversation(group)), from: users[1], device: device)
            await world.record.waitForDeliveries(1)
            guard case .delivery(message, let addresses) = world.record.events.last else {
                Issue.record("not delivered")
                return
            }
            #expect(addresses == [.user(users[0]), .others(users[1], than: device), .user(users[2])])
            await expect(.notFound) { try await world.send(world.draft(.conversation(group)), from: users[3]) }
            await expect(.notFound) { _ = try await world.service.history(of: group, reader: users[3]) }
        }
    }

    @Test(arguments: DatabaseEngine.tested) func goesAgainWhenAnotherServerWasFaster(engine: DatabaseEngine)
        async throws
    {
        try await TestDatabase.with(engine) { database, _ in
            let faulty = FaultyDatabase(database)
            let world = MessagingWorld(faulty)
            let (ada, grace) = (try await world.user("ada"), try await world.user("grace"))
            let lost = FaultyDatabase.Fault.before(.constraint("messages_sender_id_client_message_id_key"))
            faulty.fail(lost, lost)
            #expect(try await world.send(world.draft(.user(grace)), from: ada).seq == 1)
            #expect(faulty.isSpent)
            faulty.fail(lost, lost, lost)
            await expect(.internal) { try await world.send(world.draft(.user(grace)), from: ada) }
            #expect(faulty.isSpent)
            faulty.fail(.before(.invalid), .before(.constraint("foreign_key")))
            await expect(.internal) { try await world.send(world.draft(.user(grace)), from: ada) }
            await expect(.internal) { try await world.send(world.draft(.user(grace)), from: ada) }
            #expect(try await world.send(world.draft(.user(grace)), from: ada).seq == 2)
        }
    }

    @Test(arguments: DatabaseEngine.tested) func sendingAgainSettlesAnUnknownOutcome(engine: DatabaseEngine)
        async throws
    {
        try await TestDatabase.with(engine) { database, _ in
            let faulty = FaultyDatabase(database)
            let world = MessagingWorld(faulty)
            let (ada, grace) = (try await world.user("ada"), try await world.user("grace"))
            for (fault, sent) in [
                (FaultyDatabase.Fault.after(.outcomeUnknown), 0), (.before(.outcomeUnknown), 1),
            ] {
                let draft = world.draft(.user(grace))
                faulty.fail(fault)
                await expect(.unavailable) { try await world.send(draft, from: ada) }
                let message = try await world.send(draft, from: ada)
                #expect(try await world.send(draft, from: ada) == message)
                #expect(world.service.sent.value == sent)
            }
            #expect(try await world.service.conversations(of: ada).conversations.map(\.lastSeq) == [2])
        }
    }

    /// The recipients are told when the sender is, once.
    @Test(arguments: DatabaseEngine.tested) func deliversWhatWasStoredUnknown(engine: DatabaseEngine) async throws {
        try await TestDatabase.with(engine) { database, _ in
            let faulty = FaultyDatabase(database)
            let world = MessagingWorld(faulty)
            let (ada, grace) = (try await world.user("ada"), try await world.user("grace"))
            let alan = try await world.user("alan")
            let group = try await world.group([ada, alan])
            let device = DeviceID.random(at: world.clock.now)
            for (target, recipient) in [(Draft.Target.user(grace), grace), (.conversation(group), alan)] {
                var draft = world.draft(target)
                let before = world.record.events.count
                faulty.fail(.after(.outcomeUnknown), .after(.outcomeUnknown))
                await expect(.unavailable) { try await world.send(draft, from: ada, device: device) }
                // To somebody else, by mistake: it is still the original message.
                draft.target = .user(alan)
                await expect(.unavailable) { try await world.send(draft, from: ada, device: device) }
                let message = try await world.send(draft, from: ada, device: device)
                await world.record.waitForDeliveries(before == 0 ? 1 : 2)
                #expect(try await world.send(draft, from: ada, device: device) == message)
                #expect(
                    world.record.events[before...] == [
                        .reply(message.id), .delivery(message, to: [.others(ada, than: device), .user(recipient)]),
                        .reply(message.id),
                    ])
            }
            // It was not stored, so it is new when sent again.
            let draft = world.draft(.user(grace))
            faulty.fail(.before(.outcomeUnknown))
            await expect(.unavailable) { try await world.send(draft, from: ada, device: device) }
            let message = try await world.send(draft, from: ada, device: device)
            #expect(try await world.send(draft, from: ada, device: device) == message)
            let last = try await world.send(world.draft(.user(grace)), from: ada, device: device)
            await world.record.waitForDeliveries(4)
            #expect(world.record.deliveries.suffix(2) == [message, last])
            #expect(world.record.deliveries.count == 4)
        }
    }

    @Test(arguments: DatabaseEngine.tested) func saysWhenTheDatabaseIsAway(engine: DatabaseEngine) async throws {
        try await TestDatabase.with(engine) { _, place in
            let world = MessagingWorld(try place.open())
            let (ada, grace) = (try await world.user("ada"), try await world.user("grace"))
            let conversation = try await world.send(world.draft(.user(grace)), from: ada).conversation
            await world.database.close()
            await expect(.unavailable) { try await world.send(world.draft(.user(grace)), from: ada) }
            await expect(.unavailable) { _ = try await world.service.directConversation(between: ada, and: grace) }
            await expect(.unavailable) { _ = try await world.service.history(of: conversation, reader: ada) }
            await expect(.unavailable) { _ = try await world.service.conversations(of: ada) }
        }
    }
}
