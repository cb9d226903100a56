import Primitives
import Testing

@testable import Storage

@Suite(.timeLimit(.minutes(1)))
struct AccountStatementTests {
    @Test(arguments: DatabaseEngine.tested)
    func searchGoesByPrefixes(_ engine: DatabaseEngine) async throws {
        try await withDatabase(engine) { test in
            let database = test.database
            let asker = try await database.addUser("anna", displayName: "Anna")
            try await database.addUser("Andy", displayName: "Äpfel & Co")
            try await database.addUser("zed", displayName: "Andrea Ünal")
            try await database.addUser("a_b", displayName: "100%")
            try await database.addUser("axb", displayName: "Something")
            let blocked = try await database.addUser("andblocked")
            try await database.run(
                .setUserBlocked, [.id(blocked), .boolean(true), .instant(moment(1))], expectedRows: 1)
            func search(_ prefix: String, limit: Int64 = 10) async throws -> [String] {
                let rows = try await database.query(.searchUsers, [.text(prefix), .id(asker), .integer(limit)])
                return try rows.map { try $0.text("username") }
            }
            #expect(try await search("an") == ["Andy", "zed"])
            #expect(try await search("andrea ü") == ["zed"])
            #expect(try await search("ä") == ["Andy"])
            // No character works as a wildcard.
            #expect(try await search("a_") == ["a_b"])
            #expect(try await search("100%") == ["a_b"])
            #expect(try await search("%") == [])
            #expect(try await search("' OR 1=1 --") == [])
            #expect(try await search("a", limit: 2) == ["a_b", "Andy"])
            let pages = try await database.query(.listUsers, [.text("andblocked"), .integer(3)])
            #expect(try pages.map { try $0.text("username") } == ["Andy", "anna", "axb"])
            let known = try #require(try await database.query(.userByUsername, [.text("ANDY")]).first)
            #expect(try known.text("password_hash") == "hash of Andy")
            #expect(try known.textIfAny("email") == nil)
        }
    }

    @Test(arguments: DatabaseEngine.tested)
    func sessionsRotateAndAreRevoked(_ engine: DatabaseEngine) async throws {
        try await withDatabase(engine) { test in
            let database = test.database
            let user = try await database.addUser("ann")
            let (device, other): (DeviceID, DeviceID) = (fresh(), fresh())
            let (first, second, third): (SessionID, SessionID, SessionID) = (fresh(), fresh(), fresh())
            func logIn(_ session: SessionID, _ device: DeviceID, _ hash: String) async throws -> [StepResult] {
                try await database.commit(
                    WriteUnit([
                        Step(.revokeSessionsOfDevice, [.id(user), .id(device), .instant(moment(5))]),
                        Step(.insertSession, sessionValues(session, user, device, hash: hash)),
                    ]))
            }
            #expect(try await logIn(first, device, "a1")[0].count == 0)
            let revoked = try await logIn(second, device, "b1")[0]
            #expect(try revoked.rows.map { try $0.id("id") as SessionID } == [first])
            _ = try await logIn(third, other, "c1")

            func exchange(
                _ old: String, repeated: String = "", to new: [String?], at seconds: Int64 = 10
            ) async throws -> Int {
                try await database.run(
                    .exchangeRefreshToken,
                    [.id(second), .text(old), .text(repeated)] + new.map { .text($0) } + [
                        .instant(moment(2000)), .instant(moment(seconds)), .text("192.0.2.9"), .null,
                    ]
                ).count
            }
            // Expired, then valid, then used up.
            #expect(try await exchange("b1", to: ["b2", nil, "b1"], at: 1000) == 0)
            #expect(try await exchange("b1", to: ["b2", nil, "b1"]) == 1)
            #expect(try await exchange("b1", to: ["b3", nil, "b1"]) == 0)
            func stored() async throws -> [String?] {
                let row = try #require(try await database.query(.sessionForRefresh, [.id(second)]).first)
                #expect(try row.instant("expires_at") == moment(2000))
                #expect(try row.text("username") == "ann")
                return [
                    try row.text("refresh_token_hash"), try row.textIfAny("repeated_refresh_token_hash"),
                    try row.textIfAny("previous_refresh_token_hash"),
                ]
            }
            #expect(try await stored() == ["b2", nil, "b1"])
            // A repeat that may lose against another one.
            #expect(try await exchange("b2", repeated: "b3", to: ["b2", "b4", nil]) == 0)
            #expect(try await exchange("b2", to: ["b2", "b3", nil]) == 1)
            #expect(try await exchange("b2", to: ["b2", "b4", nil]) == 0)
            #expect(try await stored() == ["b2", "b3", nil])

            let live = try await database.query(.liveSessionsOfUser, [.id(user), .instant(moment(20))])
            #expect(try live.map { try $0.id("id") as SessionID } == [second, third])
            let stranger: [SQLValue] = [.id(second), .id(fresh() as UserID), .instant(moment(30))]
            #expect(try await database.run(.revokeSession, stranger).count == 0)
            let own: [SQLValue] = [.id(second), .id(user), .instant(moment(30))]
            let ended = try await database.run(.revokeSession, own)
            #expect(try ended.rows.map { try $0.id("device_id") as DeviceID } == [device])
            #expect(try await database.run(.revokeSession, own).count == 0)
            #expect(try await exchange("b2", repeated: "b3", to: ["b4", nil, "b3"]) == 0)
            let state = try #require(try await database.query(.sessionForAuthentication, [.id(second)]).first)
            #expect(try state.instantIfAny("revoked_at") == moment(30))
            #expect(try !state.boolean("is_blocked"))
            #expect(try await database.run(.revokeSessionsOfUser, [.id(user), .instant(moment(50))]).count == 1)
        }
    }

    @Test(arguments: DatabaseEngine.tested)
    func oldSessionsGo(_ engine: DatabaseEngine) async throws {
        try await withDatabase(engine) { test in
            let database = test.database
            let (ann, bob) = (try await database.addUser("ann"), try await database.addUser("bob"))
            var sessions: [SessionID] = []
            for index in 0..<5 {
                let id: SessionID = fresh(Int64(index))
                sessions.append(id)
                var values = sessionValues(id, index == 4 ? bob : ann, fresh(), hash: "\(index)")
                // The third is the last one used.
                values[8] = .instant(moment(index == 2 ? 100 : Int64(index)))
                try await database.run(.insertSession, values, expectedRows: 1)
            }
            let ended = try await database.run(
                .revokeOldestSessions, [.id(ann), .instant(moment(200)), .integer(2)])
            #expect(Set(try ended.rows.map { try $0.id("id") as SessionID }) == [sessions[0], sessions[1]])
            // Revoked at 200, expired at 1000.
            for (before, count) in [(200, 0), (201, 2), (1000, 0), (1001, 2)] {
                let deleted = try await database.run(
                    .deleteOldSessions, [.id(ann), .instant(moment(Int64(before)))])
                #expect(deleted.count == count)
            }
            #expect(try await database.query(.sessionForAuthentication, [.id(sessions[4])]).count == 1)
        }
    }
}
