import Testing

@testable import Storage

/// Statements that run for every call, message and page read by an index, with a plan that does not depend on their
/// values.
@Suite(.enabled(if: testPostgreSQL != nil)) struct PostgreSQLPlanTests {
    static let hot: [Statement] =
        Statement.putCallParticipants + [
            // A call.
            .insertCall, .updateCall, .callByID, .callByClientID, .participantsOfCall, .callPolicy, .directCallee,
            .callPolicies, .conversationIDByDirectKey, .insertScreenShare, .closeScreenShare, .noteAcquaintance,
            .beginConversationWithCall,
            // A message.
            .takeMessageSeq, .insertMessage, .earlierMessage, .recipientsOfMessage, .takeSystemMessageSeq,
            .insertSystemMessage,
            // What a client reads.
            .isConversationMember, .membersOfConversation, .conversationByDirectKey, .userByID,
        ]

    @Test("No scan of a table and no sort is needed, whatever the values are")
    func readByIndex() async throws {
        for (statement, plan) in zip(Self.hot, try await Self.plans(of: Self.hot)) {
            #expect(!plan.contains("Seq Scan") && !plan.contains("Sort"), "\(statement.name):\n\(plan)")
        }
    }

    @Test("A statement that has no index is found")
    func finds() async throws {
        let statement = Statement("users_by_bio", "SELECT id FROM users WHERE bio = $1 ORDER BY updated_at")
        let plan = try #require(try await Self.plans(of: [statement]).first)
        #expect(plan.contains("Seq Scan") && plan.contains("Sort"))
    }

    /// The plans for any values, where the server avoids scans and sorts if it can: with the few rows of a test it would
    /// choose them.
    private static func plans(of statements: [Statement]) async throws -> [String] {
        var plans: [String] = []
        try await withDatabase(.postgresql) { test in
            let url = test.url
            plans = try await Task.detached {
                let connection = try PostgreSQLConnection(try PostgreSQLTarget(url), .writing, PostgreSQLLimits())
                func rows(_ commands: [PostgreSQLConnection.Command]) throws -> [Row] {
                    try connection.exchange(commands, milliseconds: 10_000).flatMap { try $0.get().rows }
                }
                _ = try rows([.text("SET enable_seqscan = off"), .text("SET enable_sort = off")])
                return try statements.map { statement in
                    let values = Array(repeating: "NULL", count: parameterCount(of: statement))
                    let list = values.isEmpty ? "" : "(\(values.joined(separator: ", ")))"
                    return try rows([
                        .prepare(statement.name, statement), .text("EXPLAIN EXECUTE \(statement.name)\(list)"),
                    ]).map { try $0.text("QUERY PLAN") }.joined(separator: "\n")
                }
            }.value
        }
        return plans
    }

    private static func parameterCount(of statement: Statement) -> Int {
        statement.text.matches(of: /\$(\d+)/).compactMap { Int($0.output.1) }.max() ?? 0
    }
}
