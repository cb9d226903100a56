import Messaging
import NIOConcurrencyHelpers
import Primitives
import Storage
import TestDatabases
import Testing

/// The blocker gets the same answers and events with hidden calls as without, and the caller gets the same as if nobody
/// were at home.
@Suite(.timeLimit(.minutes(2))) struct HiddenTraceTests {
    /// Who takes part: eve, whom ben has blocked, and ann, whom he has not.
    enum Person: String, CaseIterable {
        case ann, ben, eve
    }

    /// One thing that happens.
    enum Happening {
        /// Somebody writes to a user.
        case writes(Person, to: Person)
        /// Somebody writes into their existing conversation with a user.
        case answers(Person, Person)
        /// Somebody sends the last message again.
        case repeats(Person)
        /// Somebody opens the conversation with a user.
        case opens(Person, Person)
        /// Eve calls ben, from whom it must stay hidden.
        case hidden
        /// Somebody calls a user, who is rung and does not answer.
        case calls(Person, Person)
    }

    /// What happens to the hidden calls.
    enum HiddenCalls {
        case hidden, neverPlaced, heard
    }

    static let stories: [(name: String, happenings: [Happening])] = [
        ("nothing but hidden calls", [.hidden, .hidden]),
        (
            "between texts",
            [
                .writes(.eve, to: .ben), .hidden, .writes(.eve, to: .ben), .hidden, .hidden, .answers(.ben, .eve),
                .repeats(.ben), .repeats(.eve), .hidden, .answers(.eve, .ben),
            ]
        ),
        (
            "before the first text, which is of the one who is blocked",
            [.hidden, .hidden, .writes(.eve, to: .ben), .hidden, .answers(.ben, .eve)]
        ),
        (
            "before the first text, which is of the blocker",
            [.hidden, .writes(.ben, to: .eve), .repeats(.ben), .answers(.eve, .ben)]
        ),
        ("before the first text into the conversation", [.hidden, .answers(.eve, .ben), .answers(.ben, .eve)]),
        ("before the blocker opens it", [.hidden, .opens(.ben, .eve), .hidden, .writes(.eve, to: .ben)]),
        ("after the one who is blocked opened it", [.opens(.eve, .ben), .hidden, .writes(.eve, to: .ben), .hidden]),
        ("before the first call that is heard", [.hidden, .calls(.eve, .ben), .hidden, .writes(.ben, to: .eve)]),
        ("before the blocker calls", [.hidden, .calls(.ben, .eve), .writes(.ben, to: .eve)]),
        (
            "at the ends of pages, and beside another conversation",
            [
                .writes(.ann, to: .ben), .writes(.eve, to: .ben), .writes(.ben, to: .eve), .writes(.ann, to: .ben),
                .hidden, .hidden, .hidden, .answers(.ben, .eve), .answers(.eve, .ben), .hidden, .writes(.ben, to: .ann),
                .calls(.eve, .ben), .hidden, .answers(.ben, .eve),
            ]
        ),
    ]

    @Test(arguments: DatabaseEngine.tested, stories.indices)
    func tellsNothing(_ engine: DatabaseEngine, _ story: Int) async throws {
        let (name, happenings) = Self.stories[story]
        async let hidden = Self.told(.ben, .eve, of: happenings, .hidden, engine)
        async let without = Self.told(.ben, of: happenings, .neverPlaced, engine)
        async let notAtHome = Self.told(.eve, of: happenings, .heard, engine)
        let (seen, unplaced, heard) = try await (hidden, without, notAtHome)
        #expect(seen[.ben] == unplaced[.ben], "\(name)")
        #expect(seen[.eve] == heard[.eve], "\(name)")
    }

    /// The lines that are hidden from one are delivered to the other, whatever is stored later, even if it was not
    /// known at first that they were stored.
    @Test(arguments: DatabaseEngine.tested)
    func aLateDeliveryHasItsPlace(_ engine: DatabaseEngine) async throws {
        try await TestDatabase.with(engine) { database, _ in
            let faulty = FaultyDatabase(database)
            let world = MessagingWorld(faulty)
            let (ben, eve) = (try await world.user("ben"), try await world.user("eve"))
            try await world.call(from: eve, to: ben, isHidden: true)
            let draft = world.draft(.user(ben), "late")
            faulty.fail(.after(.outcomeUnknown))
            await expect(.unavailable) { try await world.send(draft, from: eve) }
            try await world.call(from: eve, to: ben, isHidden: true)
            #expect(try await world.send(draft, from: eve).seq == 2)
            await world.record.waitForDeliveries(4)
            let places = world.record.places(of: "late")
            #expect(places[ben] == [1] && places[eve] == [2])
        }
    }

    /// In a group each member has their own places; a removed member is told theirs, and a returning one continues from
    /// theirs.
    @Test(arguments: DatabaseEngine.tested)
    func groupsHavePlacesForEach(_ engine: DatabaseEngine) async throws {
        try await MessagingWorld.with(engine) { world in
            let people = try await world.friends("ann", "ben", "eve")
            let (ann, ben, eve) = (people[0], people[1], people[2])
            let group = try await world.service.makeGroup(
                GroupDraft(clientConversationID: .random(at: world.clock.now), name: "Tea", members: [ben, eve]),
                by: ann
            ).id
            let summary = CallSummary(
                call: .random(at: world.clock.now), type: "voice", status: "completed", endReason: "hangup",
                durationSeconds: 5, initiator: eve)
            let line = SystemMessage(summary, in: group, at: world.clock.now, hiddenFrom: [ben])
            for _ in 0..<2 {
                let results = try await world.database.commit(WriteUnit(line.steps))
                world.service.deliver(line, results: results[...])
            }
            // If the results of the statements are unknown, nobody else is told either.
            world.service.deliver(line, results: [])
            await world.record.waitForDeliveries(3)
            try await world.send(world.draft(.conversation(group), "cake"), from: ben)
            try await world.service.removeMember(ben, from: group, by: ann)
            _ = try await world.service.addMembers([ben], to: group, by: ann)
            func seqs(_ user: UserID) async throws -> [Int64] {
                try await world.service.history(of: group, reader: user).messages.map(\.seq)
            }
            #expect(try await seqs(ann) == [1, 2, 3, 4, 5])
            #expect(try await seqs(ben) == [1, 2, 3, 4])
            let told = ["Voice call, 5 s", "cake", "ANN removed BEN.", "ANN added BEN."].map(world.record.places(of:))
            #expect(told.map { $0[ann] } == [[2, 2], [3], [4], [5]])
            #expect(told.map { $0[ben] } == [nil, [2], [3], [4]])
        }
    }

    /// Everything that people are answered and told in a world where this happens, with a minute between the steps, as
    /// lines without ids.
    private static func told(
        _ people: Person..., of happenings: [Happening], _ hidden: HiddenCalls, _ engine: DatabaseEngine
    ) async throws -> [Person: [String]] {
        var told: [Person: [String]] = [:]
        try await MessagingWorld.with(engine) { world in
            var users: [Person: UserID] = [:]
            for person in Person.allCases { users[person] = try await world.user(person.rawValue) }
            let cast = Cast(world: world, users: users)
            for (number, happening) in happenings.enumerated() {
                world.clock.advance(.seconds(60))
                let isLeftOut = if case .hidden = happening { hidden == .neverPlaced } else { false }
                let answers =
                    isLeftOut ? [] : try await cast.play(happening, number, isHidden: hidden == .hidden)
                for person in people {
                    told[person, default: []] += answers.filter { $0.person == person }.map {
                        "\(number): answered \($0.text)"
                    }
                    let user = try #require(users[person])
                    told[person, default: []] += try await cast.world(as: user).map { "\(number): \($0)" }
                }
            }
            // What was stored before this is delivered before this is answered.
            _ = try await world.database.commit(WriteUnit([Step(.recipientsOfMessage, [.id(MessageID.random())])]))
            for event in world.record.events {
                guard case .delivery(let message, let addresses) = event else { continue }
                for person in people where addresses.contains(where: { $0.user == users[person] }) {
                    told[person, default: []].append("told \(cast.text(message))")
                }
            }
        }
        return told
    }
}

/// Users in a world, and what they do and see there.
private final class Cast: Sendable {
    typealias Person = HiddenTraceTests.Person

    private let world: MessagingWorld
    private let users: [Person: UserID]
    private let drafts = NIOLockedValueBox<[Person: Draft]>([:])

    init(world: MessagingWorld, users: [Person: UserID]) {
        (self.world, self.users) = (world, users)
    }

    private func id(_ person: Person) throws -> UserID { try #require(users[person]) }

    private func name(_ user: UserID?) -> String { users.first { $0.value == user }?.key.rawValue ?? "-" }

    /// Carries out a step.
    /// - Returns: The answers and who got them.
    func play(
        _ happening: HiddenTraceTests.Happening, _ number: Int, isHidden: Bool
    ) async throws -> [(person: Person, text: String)] {
        switch happening {
        case .writes(let sender, to: let other):
            return [(sender, try await send("\(number)", to: .user(id(other)), from: sender))]
        case .answers(let sender, let other):
            let conversation = try await world.service.directConversation(between: id(sender), and: id(other)).id
            return [(sender, try await send("\(number)", to: .conversation(conversation), from: sender))]
        case .repeats(let sender):
            let draft = try #require(drafts.withLockedValue { $0[sender] })
            return [(sender, text(try await world.send(draft, from: id(sender))))]
        case .opens(let user, let other):
            return [
                (user, text(try await world.service.directConversation(between: id(user), and: id(other))))
            ]
        case .hidden:
            try await world.call(from: id(.eve), to: id(.ben), isHidden: isHidden)
            return []
        case .calls(let caller, let callee):
            try await world.call(from: id(caller), to: id(callee), isHidden: false)
            return []
        }
    }

    private func send(_ body: String, to target: Draft.Target, from sender: Person) async throws -> String {
        let draft = world.draft(target, body)
        drafts.withLockedValue { $0[sender] = draft }
        return text(try await world.send(draft, from: id(sender)))
    }

    /// Everything that a user can read.
    func world(as user: UserID) async throws -> [String] {
        var lines: [String] = []
        for limit in [1, 9] {
            var cursor: PageCursor<Named.Conversation>?
            repeat {
                let page = try await world.service.conversations(of: user, before: cursor, limit: limit)
                cursor = page.next
                let at = cursor.map { "\($0)".prefix { $0 != "_" } } ?? "the end"
                lines.append("by \(limit): \(page.conversations.map(text)), on at \(at)")
            } while cursor != nil
        }
        for listed in try await world.service.conversations(of: user).conversations {
            let conversation = try await world.service.conversation(listed.id, for: user)
            lines.append("one: \(text(conversation))")
            let ends: [Int64?] = [nil, .min, 0, .max] + (1...conversation.lastSeq + 2).map { $0 }
            for (end, limit) in ends.flatMap({ end in [1, 3].map { (end, $0) } }) {
                let page = try await world.service.history(
                    of: listed.id, reader: user, before: end, limit: limit)
                lines.append(
                    "\(limit) before \(end.map { "\($0)" } ?? "the end"): \(page.messages.map(text)), \(page.hasMore)")
            }
        }
        return lines
    }

    private func text(_ conversation: Conversation) -> String {
        let names = conversation.members.map { name($0.id) }.sorted()
        let seconds = (conversation.createdAt - MessagingWorld.start).microseconds / 1_000_000
        let last = conversation.lastMessage.map(text) ?? "nothing"
        return "\(names) since \(seconds) s, \(conversation.lastSeq): \(last)"
    }

    func text(_ message: Message) -> String {
        "\(message.seq) \(name(message.sender)) “\(message.body.exposed)” at \(message.createdAt.microseconds)"
    }
}

extension MessagingWorld.Record {
    /// The places that users were told for messages with a text.
    fileprivate func places(of body: String) -> [UserID: [Int64]] {
        var places: [UserID: [Int64]] = [:]
        for event in events {
            guard case .delivery(let message, let addresses) = event, message.body.exposed == body else { continue }
            for address in addresses { places[address.user, default: []].append(message.seq) }
        }
        return places
    }
}
