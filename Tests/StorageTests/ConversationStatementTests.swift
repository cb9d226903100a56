import Primitives
import Testing

@testable import Storage

@Suite(.timeLimit(.minutes(1)))
struct ConversationStatementTests {
    /// The cost of a page depends on how many conversations the user has, not on others', and it only reads messages on
    /// the page.
    @Test(arguments: DatabaseEngine.tested)
    func aPageIsReadByTheUsersMemberships(_ engine: DatabaseEngine) async throws {
        try await withDatabase(engine) { test in
            let database = test.database
            var people: [UserID] = []
            for number in 0..<40 { people.append(try await database.addUser("user\(number)")) }
            // One has a conversation with everybody, the others with a few.
            for (index, user) in people.enumerated() {
                for other in people[(index + 1)...].prefix(index == 0 ? 40 : 6) {
                    let conversation = try await database.addConversation(user, other)
                    _ = try await database.send("hello", from: user, to: conversation)
                }
            }
            if engine == .postgresql { try await database.run(Statement("test_analyze", "ANALYZE"), []) }
            let page: [SQLValue] = [
                .id(people[0]), .instant(moment(1_000_000)), .id(fresh() as ConversationID), .integer(10),
            ]
            for statement in [Statement.conversationsOfUser, .membersOfConversationsOfUser] {
                let plan = try await database.plan(statement, page)
                #expect(plan.contains("conversation_participants_user_id_idx"), "\(plan)")
                // PostgreSQL scans tables that are as small as a test's.
                for scan in ["SCAN own", "SCAN m", "SCAN v", "SCAN p", "SCAN i"] where engine == .sqlite {
                    #expect(!plan.contains(scan), "\(statement.name), \(scan): \(plan)")
                }
                #expect(try await !database.query(statement, page).isEmpty)
            }
            guard engine == .sqlite else { return }
            let invitations = try await database.plan(.invitationsOfUser, page)
            #expect(invitations.contains("group_invitations_user_id_idx"), "\(invitations)")
            let conversation = SQLValue.id(fresh() as ConversationID)
            for (statement, values) in [(Statement.membersOfConversation, [conversation]), (.invitationsOfUser, page)] {
                let plan = try await database.plan(statement, values)
                // Nominal members are found like the others.
                #expect(plan.contains("SEARCH p") && plan.contains("SEARCH i"), "\(plan)")
                for scan in ["SCAN p", "SCAN i"] { #expect(!plan.contains(scan), "\(statement.name): \(plan)") }
            }
        }
    }
}
