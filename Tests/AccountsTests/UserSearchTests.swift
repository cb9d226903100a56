import Primitives
import Storage
import TestDatabases
import Testing

@testable import Accounts

@Suite(.serialized, .timeLimit(.minutes(1))) struct UserSearchTests {
    @Test(arguments: DatabaseEngine.tested) func findsPeopleByTheBeginningOfAName(engine: DatabaseEngine) async throws {
        try await AccountsWorld.with(engine) { world in
            let password = AccountsWorld.password
            for (name, displayName) in [
                ("ada", "Ada Lovelace"), ("adam", "Ωmega"), ("under_score", "50% off!"), ("underXscore", "50 percent"),
                ("Grace", "Admiral Hopper"), ("elodie", "Élodie"), ("gone", "Adverse"),
            ] {
                _ = try await world.service.createUser(username: name, password: password, displayName: displayName)
            }
            try await world.service.suspend(username: "gone")
            let searcher = try await world.service.createUser(username: "adept", password: password)
            func found(_ query: String, limit: Int = 20) async throws -> [String] {
                try await world.service.search(query: query, by: searcher.id, limit: limit).map(\.username)
            }
            #expect(try await found("ad") == ["ada", "adam", "Grace"])
            #expect(try await found("  AD ") == ["ada", "adam", "Grace"])
            #expect(try await found("ad", limit: 2) == ["ada", "adam"])
            #expect(try await found("ad", limit: -5) == ["ada"])
            #expect(try await found("ad", limit: .max).count == 3)
            #expect(try await found("ωME") == ["adam"])
            #expect(try await found("ÉLO") == ["elodie"])
            #expect(try await found("under_") == ["under_score"])
            #expect(try await found("50%") == ["under_score"])
            #expect(try await found("50% off!") == ["under_score"])
            #expect(try await found("%").isEmpty)
            #expect(try await found("_").isEmpty)
            #expect(try await found("!").isEmpty)
            #expect(try await found("\\").isEmpty)
            #expect(try await found("'; DROP TABLE users; --").isEmpty)
            #expect(try await found("").isEmpty)
            #expect(try await found("  ").isEmpty)
            await expect(.invalid(.query)) { _ = try await found("a\0") }
            await expect(.invalid(.query)) { _ = try await found(String(repeating: "a", count: 101)) }
        }
    }

    @Test(arguments: DatabaseEngine.tested) func listsUsersPageByPage(engine: DatabaseEngine) async throws {
        try await AccountsWorld.with(engine) { world in
            for number in 0..<5 {
                _ = try await world.service.createUser(username: "User\(number)", password: AccountsWorld.password)
                world.clock.advance(.seconds(1))
            }
            var names: [String] = []
            var last = ""
            while true {
                let page = try await world.service.listUsers(after: last, limit: 2)
                if page.isEmpty { break }
                #expect(page.count <= 2)
                names += page.map(\.profile.username)
                last = page.last?.profile.username ?? ""
            }
            #expect(names == ["User0", "User1", "User2", "User3", "User4"])
            await expect(.usernameTaken) {
                _ = try await world.service.createUser(username: "USER1", password: AccountsWorld.password)
            }
        }
    }
}
