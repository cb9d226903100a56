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

    /// Whatever keyboard typed the name and the query, and ignoring invisible characters.
    @Test(arguments: DatabaseEngine.tested) func findsWhatReadsAlike(engine: DatabaseEngine) async throws {
        try await AccountsWorld.with(engine) { world in
            for (name, displayName) in [
                ("elodie", "E\u{301}lodie"), ("emile", "\u{C9}mile"), ("ali", "علی\u{200C}رضا"), ("heart", "❤️ Ada"),
            ] {
                _ = try await world.service.createUser(
                    username: name, password: AccountsWorld.password, displayName: displayName)
            }
            let searcher = try await world.service.createUser(username: "adept", password: AccountsWorld.password)
            func found(_ query: String) async throws -> [String] {
                try await world.service.search(query: query, by: searcher.id).map(\.username)
            }
            for letter in ["\u{C9}", "\u{E9}", "e\u{301}", "E\u{301}"] {
                #expect(try await found(letter) == ["elodie", "emile"])
            }
            #expect(try await found("علیر") == ["ali"])
            #expect(try await found("علی\u{200C}رضا") == ["ali"])
            #expect(try await found("❤ a") == ["heart"])
            #expect(try await found("\u{200B}").isEmpty)
            let shown = try await world.service.search(query: "elodie", by: searcher.id).first?.displayName
            #expect(shown.map { Array($0.unicodeScalars) } == Array("\u{C9}lodie".unicodeScalars))
        }
    }

    /// Names that an older version stored are found and compared once the server has started.
    @Test(arguments: DatabaseEngine.tested) func bringsOlderNamesUpToDate(engine: DatabaseEngine) async throws {
        try await AccountsWorld.with(engine) { world in
            let now = world.clock.now
            let old = [("elodie", "E\u{301}lodie"), ("ali", "علی\u{200C}رضا"), ("eve", "A\u{200B}da")]
            let crowd = (0..<600).map { ("crowd\($0)", "Crowd") }
            for (name, displayName) in old + crowd {
                let values: [SQLValue] = [
                    .id(UserID.random(at: now)), .text(name), .null, .null, .text(displayName),
                    .text(displayName.lowercased()), .null, .text("user"), .instant(now),
                ]
                _ = try await world.database.commit(WriteUnit([Step(.insertUser, values, expectedRows: 1)]))
            }
            let searcher = try await world.service.createUser(username: "adept", password: AccountsWorld.password)
            try await world.service.start()
            try await world.service.start()
            let left = try await world.database.query(.usersWithoutFoldedName, [.integer(10)])
            #expect(left.isEmpty)
            for (query, name) in [("\u{E9}lo", "elodie"), ("علیر", "ali"), ("ada", "eve")] {
                #expect(try await world.service.search(query: query, by: searcher.id).map(\.username) == [name])
            }
            await expect(.invalid(.displayName)) { _ = try await world.register("other", displayName: "علیرضا") }
            // Hidden characters in an old name do not lock its victim out.
            _ = try await world.register("ada", displayName: "Ada")
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
