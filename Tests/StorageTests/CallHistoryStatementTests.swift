import Primitives
import Testing

@testable import Storage

@Suite(.timeLimit(.minutes(1)))
struct CallHistoryStatementTests {
    /// A page is a range of an index: nothing is sorted, and no more rows are read than the page has.
    @Test(arguments: DatabaseEngine.tested)
    func pagesAreRangesOfIndexes(_ engine: DatabaseEngine) async throws {
        try await withDatabase(engine) { test in
            let database = test.database
            let (ann, bob) = (try await database.addUser("ann"), try await database.addUser("bob"))
            let conversation = try await database.addConversation(ann, bob)
            try await database.addEndedCalls(500, in: conversation, from: bob, to: ann)
            // Rows of somebody whom the user has blocked are skipped without being read.
            try await database.addEndedCalls(500, in: conversation, from: bob, to: ann, hidden: true)
            let pages: [(CallPageStatements, [SQLValue], index: String)] = [
                (.ofUser, [.id(ann), .null, .null], "call_participants_user_id_started_at_idx"),
                (.ofUser, [.id(ann), .text("video"), .id(bob)], "call_participants_user_id_started_at_idx"),
                (.missedByUser, [.id(ann), .null, .null], "call_participants_missed_idx"),
                (.ofConversation, [.id(conversation), .id(ann)], "calls_conversation_id_started_at_idx"),
            ]
            let hidden = engine == .sqlite ? "hidden=?" : "(hidden = false)"
            for (statements, values, index) in pages {
                let place: [SQLValue] = [values[0], .instant(moment(1_000_000)), .id(fresh() as CallID), .integer(20)]
                let plan = try await database.plan(statements.calls, place + values.dropFirst())
                #expect(plan.contains(index), "\(statements.calls.name): \(plan)")
                if index.hasPrefix("call_participants") {
                    #expect(plan.contains(hidden), "\(statements.calls.name): \(plan)")
                }
                #expect(!plan.contains("Sort") && !plan.contains("TEMP B-TREE"), "\(statements.calls.name): \(plan)")
                let rows = try await database.query(statements.calls, place + values.dropFirst())
                #expect(rows.count == 20)
            }
            let count: [SQLValue] = [.id(ann), .instant(moment(400)), .integer(1000)]
            let plan = try await database.plan(.countMissedCalls, count)
            #expect(plan.contains("call_participants_missed_left_at_idx"), "\(plan)")
        }
    }

    @Test(arguments: DatabaseEngine.tested)
    func missedCallsAreCountedUntilTheyAreSeen(_ engine: DatabaseEngine) async throws {
        try await withDatabase(engine) { test in
            let database = test.database
            let (ann, bob) = (try await database.addUser("ann"), try await database.addUser("bob"))
            let conversation = try await database.addConversation(ann, bob)
            let calls = try await database.addEndedCalls(4, in: conversation, from: bob, to: ann)
            func unseen(_ limit: Int64 = 100) async throws -> Int64? {
                let mark = try await database.query(.missedCallsSeenThrough, [.id(ann)]).first
                let after = try mark?.instant("seen_through") ?? Instant(microseconds: 0)
                return try await database.query(.countMissedCalls, [.id(ann), .instant(after), .integer(limit)])
                    .first?.integer("unseen")
            }
            #expect(try await unseen() == 4)
            #expect(try await unseen(3) == 3)
            try await database.run(.markMissedCallsSeenThroughCall, [.id(ann), .id(calls[2])])
            #expect(try await unseen() == 1)
            // An older mark that comes late changes nothing.
            try await database.run(.markMissedCallsSeenThroughCall, [.id(ann), .id(calls[0])])
            #expect(try await unseen() == 1)
            // The caller has missed none, so has none to mark.
            try await database.run(.markMissedCallsSeenThroughCall, [.id(bob), .id(calls[3])])
            #expect(try await database.query(.missedCallsSeenThrough, [.id(bob)]).isEmpty)
            // All are seen, including those that a clock which was ahead has put into the future.
            try await database.run(.markMissedCallsSeen, [.id(ann), .instant(moment(0))])
            #expect(try await unseen() == 0)
            let mark = try await database.query(.missedCallsSeenThrough, [.id(ann)]).first
            #expect(try mark?.instant("seen_through") == moment(48))
            try await database.run(.markMissedCallsSeen, [.id(ann), .instant(moment(1_000_000))])
            try await database.run(.markMissedCallsSeen, [.id(ann), .instant(moment(0))])
            let later = try await database.query(.missedCallsSeenThrough, [.id(ann)]).first
            #expect(try later?.instant("seen_through") == moment(1_000_000))
        }
    }

    @Test(arguments: DatabaseEngine.tested)
    func aHiddenCallIsNowhere(_ engine: DatabaseEngine) async throws {
        try await withDatabase(engine) { test in
            let database = test.database
            let (ann, bob) = (try await database.addUser("ann"), try await database.addUser("bob"))
            let conversation = try await database.addConversation(ann, bob)
            let call = try await database.addEndedCalls(1, in: conversation, from: bob, to: ann, hidden: true)[0]
            let message = MessageID(high: call.high, low: call.low)
            let at = SQLValue.instant(moment(90))
            let results = try await database.commit(
                WriteUnit([
                    Step(.takeSystemMessageSeq, [.id(conversation), .id(message), at]),
                    Step(
                        .insertSystemMessage,
                        [.id(message), .id(conversation), .text("Missed voice call"), .text("{}"), at]),
                    Step(.hideLine, [.id(message), .id(ann)]),
                    Step(.recipientsOfMessage, [.id(message)]),
                    Step(.beginConversationWithCall, [.id(conversation), .id(bob), at]),
                ]))
            #expect(try results[3].rows.map { try $0.id("user_id") } == [bob])
            for (user, count) in [(ann, 0), (bob, 1)] {
                let place: [SQLValue] = [.instant(moment(1_000_000)), .id(fresh() as CallID), .integer(9)]
                let own = try await database.query(
                    CallPageStatements.ofUser.calls, [.id(user)] + place + [.null, .null])
                #expect(own.count == count)
                let shared = try await database.query(
                    CallPageStatements.ofConversation.calls, [.id(conversation)] + place + [.id(user)])
                #expect(shared.count == count)
                #expect(try await database.query(.isCallKnown, [.id(call), .id(user)]).count == count)
                let read = try await database.query(
                    .messagesBefore, [.id(conversation), .integer(.max / 2), .integer(9), .id(user)])
                #expect(read.count == count)
                let list = try await database.query(
                    .conversationsOfUser,
                    [.id(user)] + [.instant(moment(1_000_000)), .id(fresh() as CallID), .integer(9)])
                #expect(try (list.first?.idIfAny("message_id") as MessageID?) == (count == 0 ? nil : message))
            }
            let missed = try await database.query(
                .countMissedCalls, [.id(ann), .instant(moment(0)), .integer(9)])
            #expect(try missed.first?.integer("unseen") == 0)
        }
    }

    /// The steps that leave a message in the conversation succeed whatever happened to it, and leave it once.
    @Test(arguments: DatabaseEngine.tested)
    func aSystemMessageIsWrittenOnce(_ engine: DatabaseEngine) async throws {
        try await withDatabase(engine) { test in
            let database = test.database
            let (ann, bob) = (try await database.addUser("ann"), try await database.addUser("bob"))
            let conversation = try await database.addConversation(ann, bob)
            let message: MessageID = fresh()
            func write(into conversation: ConversationID) async throws -> [Row] {
                let at = SQLValue.instant(moment(5))
                return try await database.commit(
                    WriteUnit([
                        Step(.takeSystemMessageSeq, [.id(conversation), .id(message), at]),
                        Step(.insertSystemMessage, [.id(message), .id(conversation), .text("x"), .null, at]),
                    ]))[1].rows
            }
            #expect(try await write(into: fresh()).isEmpty)
            #expect(try await write(into: conversation).first?.integer("seq") == 1)
            #expect(try await write(into: conversation).isEmpty)
            let sent = try await database.send("hello", from: ann, to: conversation)
            #expect(try sent[1].rows.first?.integer("seq") == 2)
        }
    }
}

extension Database {
    /// Writes calls that nobody answered, a second apart.
    @discardableResult
    fileprivate func addEndedCalls(
        _ count: Int, in conversation: ConversationID, from caller: UserID, to callee: UserID, hidden: Bool = false
    ) async throws -> [CallID] {
        let ids = (0..<count).map { fresh(Int64($0)) as CallID }
        var steps: [Step] = []
        for (index, id) in ids.enumerated() {
            let start = Int64(index)
            var call = callValues(id, conversation, caller, fresh(), at: start)
            (call[6], call[11], call[13]) = (.text("missed"), .instant(moment(start + 45)), .text("no_answer"))
            steps.append(Step(.insertCall, call))
            for user in [caller, callee] {
                var part = participantValues(id, user, "left", at: start)
                part[4] = user == caller ? .instant(moment(start)) : .null
                part[5] = .instant(moment(start + 45))
                part[6] = .text(user == caller ? "call_ended" : "no_answer")
                part[12] = .boolean(hidden && user == callee)
                steps.append(Step(.putCallParticipant, part))
            }
        }
        _ = try await commit(WriteUnit(steps))
        if engine == .postgresql { try await run(Statement("test_analyze", "ANALYZE"), []) }
        return ids
    }
}
