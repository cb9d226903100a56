import Logging
import Primitives
import Storage
import TestDatabases
import Testing

@testable import Accounts

@Suite(.serialized, .timeLimit(.minutes(1))) struct LogInTests {
    @Test(arguments: DatabaseEngine.tested) func registersAndLogsIn(engine: DatabaseEngine) async throws {
        try await AccountsWorld.with(engine) { world in
            let registered = try await world.service.register(
                username: "Ada.L", password: AccountsWorld.password, displayName: "  Ada Lovelace ",
                client: world.client())
            #expect(registered.profile.username == "Ada.L")
            #expect(registered.profile.displayName == "Ada Lovelace")
            #expect(registered.accessTokenExpiresAt == world.clock.now + .seconds(600))
            #expect(registered.refreshTokenExpiresAt == world.clock.now + .seconds(30 * 86_400))
            let identity = try await world.service.authenticate(registered.accessToken)
            #expect(identity.profile == registered.profile)
            #expect(identity.session == registered.session)

            let loggedIn = try await world.logIn("aDA.l")
            #expect(loggedIn.profile == registered.profile)
            #expect(loggedIn.session != registered.session)
            #expect(try await world.service.authenticate(loggedIn.accessToken).profile == registered.profile)
            #expect(try await world.service.profile(of: identity.user) == registered.profile)
            #expect(try await world.service.profile(of: .random(at: world.clock.now)) == nil)
            #expect(world.revocations.sessions.isEmpty)
        }
    }

    @Test(arguments: DatabaseEngine.tested) func aNameIsTakenOnce(engine: DatabaseEngine) async throws {
        try await AccountsWorld.with(engine) { world in
            _ = try await world.register("grace")
            await expect(.usernameTaken) { _ = try await world.register("GRACE") }
            let outcomes = await withTaskGroup(of: AccountError?.self) { group in
                for name in ["Alan", "alan", "aLAN", "ALAN"] {
                    group.addTask {
                        do throws(AccountError) {
                            _ = try await world.register(name)
                            return nil
                        } catch {
                            return error
                        }
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(outcomes.count { $0 == nil } == 1)
            #expect(outcomes.count { $0?.code == .usernameTaken } == 3)
        }
    }

    @Test func refusesMalformedFieldsBeforeAnyWork() async throws {
        try await AccountsWorld.with(.sqlite) { world in
            func register(_ name: String, _ password: String, _ displayName: String, _ client: ClientInfo) async throws
            {
                _ = try await world.service.register(
                    username: name, password: Redacted(password), displayName: displayName, client: client)
            }
            let client = world.client()
            var longName = client
            longName.deviceName = String(repeating: "x", count: 101)
            await expect(.invalid(.username)) { try await register("a b", "12345678", "", client) }
            await expect(.invalid(.password)) { try await register("ada", "1234567", "", client) }
            await expect(.invalid(.password)) {
                try await register("ada", String(repeating: "é", count: 37), "", client)
            }
            await expect(.invalid(.password)) { try await register("ada", "12345678\0", "", client) }
            await expect(.invalid(.displayName)) { try await register("ada", "12345678", "a\nb", client) }
            await expect(.invalid(.deviceName)) { try await register("ada", "12345678", "", longName) }
            await expect(.invalid(.deviceName)) {
                _ = try await world.service.logIn(username: "ada", password: AccountsWorld.password, client: longName)
            }
            #expect(world.passwords.computed.value == 0)
            let users = try await world.service.listUsers()
            #expect(users.isEmpty)
        }
    }

    @Test(arguments: DatabaseEngine.tested)
    func anUnknownNameCostsWhatAWrongPasswordCosts(engine: DatabaseEngine) async throws {
        try await AccountsWorld.with(engine) { world in
            _ = try await world.register("ada")
            for (name, password) in [
                ("ada", "wrong password"), ("nobody", "wrong password"), ("no name at all\0", "x"),
            ] {
                let before = world.passwords.computed.value
                do throws(AccountError) {
                    _ = try await world.logIn(name, password)
                    Issue.record("logged in")
                } catch {
                    #expect(error == .badCredentials)
                }
                #expect(world.passwords.computed.value == before + 1)
            }
            let before = world.passwords.computed.value
            let tooLong = String(repeating: "x", count: 73)
            await expect(.badCredentials) { _ = try await world.logIn("ada", tooLong) }
            await expect(.badCredentials) { _ = try await world.logIn("nobody", tooLong) }
            #expect(world.passwords.computed.value == before)
        }
    }

    @Test(arguments: DatabaseEngine.tested)
    func aSuspendedUserLearnsItWithTheRightPasswordAlone(engine: DatabaseEngine) async throws {
        try await AccountsWorld.with(engine) { world in
            let credentials = try await world.register("ada")
            try await world.service.suspend(username: "ADA")
            #expect(world.revocations.sessions == [credentials.session])
            await expect(.badCredentials) { _ = try await world.logIn("ada", "wrong password") }
            await expect(.suspended) { _ = try await world.logIn("ada") }
            await expect(.unauthenticated) { _ = try await world.service.authenticate(credentials.accessToken) }
            await expect(.unauthenticated) { _ = try await world.service.refresh(credentials.refreshToken) }
            await expect(.suspended) { _ = try await world.service.createToken(username: "ada", lifetime: .seconds(1)) }
            try await world.service.suspend(username: "ada")
            #expect(world.revocations.sessions == [credentials.session], "a second time changes nothing")
            #expect(try await world.service.listUsers().map(\.isSuspended) == [true])

            try await world.service.reinstate(username: "ada")
            let again = try await world.logIn("ada")
            _ = try await world.service.authenticate(again.accessToken)
            await expect(.notFound) { try await world.service.suspend(username: "nobody") }
            await expect(.notFound) { try await world.service.reinstate(username: "no name at all\0") }
        }
    }

    /// A suspension that was written in another way, without ending the sessions.
    @Test(arguments: DatabaseEngine.tested) func aBlockedUserIsRefusedWhateverTheSession(engine: DatabaseEngine)
        async throws
    {
        try await AccountsWorld.with(engine) { world in
            let credentials = try await world.register("ada")
            let block = Step(
                .setUserBlocked, [.id(credentials.profile.id), .boolean(true), .instant(world.clock.now)],
                expectedRows: 1)
            _ = try await world.database.commit(WriteUnit([block]))
            await expect(.suspended) { _ = try await world.service.authenticate(credentials.accessToken) }
            await expect(.suspended) { _ = try await world.service.refresh(credentials.refreshToken) }
        }
    }

    @Test(arguments: DatabaseEngine.tested) func hashesAWeakPasswordHashAnew(engine: DatabaseEngine) async throws {
        try await AccountsWorld.with(engine) { world in
            let now = world.clock.now
            let weak = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
            let insert = Step(
                .insertUser,
                [
                    .id(UserID.random(at: now)), .text("old"), .null, .text(weak), .text("Old"), .text("old"), .null,
                    .text("user"), .instant(now),
                ], expectedRows: 1)
            _ = try await world.database.commit(WriteUnit([insert]))
            _ = try await world.logIn("old", "U*U")
            let stored = try #require(try await world.service.account(named: "old")?.passwordHash)
            #expect(stored.hasPrefix("$2b$10$"))
            _ = try await world.logIn("old", "U*U")
            #expect(try await world.service.account(named: "old")?.passwordHash == stored)
        }
    }

    @Test func limitsAttemptsByUsername() async throws {
        let limits = AttemptLimits(perUsername: 3, perAddress: 100, span: .seconds(30))
        try await AccountsWorld.with(.sqlite, limits: limits) { world in
            _ = try await world.register("ada")
            for _ in 0..<2 { await expect(.badCredentials) { _ = try await world.logIn("ada", "wrong password") } }
            _ = try await world.logIn("ada")
            for _ in 0..<3 { await expect(.badCredentials) { _ = try await world.logIn("ADA", "wrong password") } }
            let before = world.passwords.computed.value
            await expect(.rateLimited(retryAfter: .seconds(10))) { _ = try await world.logIn("ada") }
            #expect(world.passwords.computed.value == before)
            await expect(.badCredentials) { _ = try await world.logIn("grace", "wrong password") }
            world.clock.advance(.seconds(10))
            _ = try await world.logIn("ada")
        }
    }

    @Test func limitsAttemptsByAddress() async throws {
        let limits = AttemptLimits(perUsername: 100, perAddress: 3, span: .seconds(30))
        try await AccountsWorld.with(.sqlite, limits: limits) { world in
            _ = try await world.register("ada")
            _ = try await world.logIn("ada")
            await expect(.badCredentials) { _ = try await world.logIn("nobody") }
            await expect(.rateLimited(retryAfter: .seconds(10))) { _ = try await world.logIn("ada") }
            await expect(.rateLimited(retryAfter: .seconds(10))) { _ = try await world.register("grace") }
            var elsewhere = world.client()
            elsewhere.ipAddress = "192.0.2.2"
            _ = try await world.service.logIn(username: "ada", password: AccountsWorld.password, client: elsewhere)
        }
    }

    /// 50 at a time from one address, again and again, are refused or wait, and nobody else is affected.
    @Test func aFloodFromOneAddressKeepsNobodyElseOut() async throws {
        try await TestDatabase.with(.sqlite) { database, _ in
            let limits = AttemptLimits(perUsername: 1_000_000, perAddress: 1_000_000)
            let hasher = PasswordHasher(cost: 10, threads: 1, queueLimit: 8, placeLimit: 4)
            let world = await AccountsWorld(database, limits: limits, passwords: hasher)
            _ = try await world.register("ada")
            try await world.whileFlooded(by: "203.0.113.9") {
                for number in 1...3 {
                    var elsewhere = world.client()
                    elsewhere.ipAddress = "192.0.2.\(number)"
                    _ = try await world.service.logIn(
                        username: "ada", password: AccountsWorld.password, client: elsewhere)
                }
            }
            #expect(hasher.turnedAway.value > 0)
        }
    }

    /// The flood does not use this name, and this name is not to blame that there is no room.
    @Test func whatWasTurnedAwayIsNoAttemptOfTheName() async throws {
        try await TestDatabase.with(.sqlite) { database, _ in
            let limits = AttemptLimits(perUsername: 3, perAddress: 1_000_000)
            let hasher = PasswordHasher(cost: 10, threads: 1, queueLimit: 1)
            let world = await AccountsWorld(database, limits: limits, passwords: hasher)
            _ = try await world.register("ada")
            try await world.whileFlooded(by: "203.0.113.9") {
                var turnedAway = 0
                for _ in 0..<50 where turnedAway < 5 {
                    do throws(AccountError) {
                        _ = try await world.logIn("ada")
                    } catch {
                        #expect(error.code == .overloaded)
                        turnedAway += 1
                    }
                }
                #expect(turnedAway == 5)
            }
            _ = try await world.logIn("ada")
        }
    }

    @Test func anAttemptThatCouldNotBeMadeDoesNotCount() async throws {
        try await TestDatabase.with(.sqlite) { database, _ in
            let faulty = FaultyDatabase(database)
            let world = await AccountsWorld(faulty, limits: AttemptLimits(perUsername: 3))
            _ = try await world.register("ada")
            faulty.setAway(true)
            for _ in 0..<5 { await expect(.unavailable) { _ = try await world.logIn("ada") } }
            faulty.setAway(false)
            _ = try await world.logIn("ada")
        }
    }

    /// An attempt that may be taken back still counts until then.
    @Test func ofManyAttemptsAtOnceNoMoreThanAllowedAreMade() async throws {
        let limits = AttemptLimits(perUsername: 3, perAddress: 100, span: .seconds(30))
        try await AccountsWorld.with(.sqlite, limits: limits) { world in
            _ = try await world.register("ada")
            let before = world.passwords.computed.value
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<20 { group.addTask { _ = try? await world.logIn("ada", "wrong password") } }
            }
            #expect(world.passwords.computed.value == before + 3)
        }
    }

    @Test func anUnknownAddressIsAPlaceLikeOthers() async throws {
        let limits = AttemptLimits(perUsername: 100, perAddress: 2, span: .seconds(30))
        try await AccountsWorld.with(.sqlite, limits: limits) { world in
            var client = world.client()
            client.ipAddress = ""
            for _ in 0..<2 {
                await expect(.badCredentials) {
                    _ = try await world.service.logIn(
                        username: "nobody", password: AccountsWorld.password, client: client)
                }
            }
            await expect(.rateLimited(retryAfter: .seconds(15))) {
                _ = try await world.service.register(
                    username: "ada", password: AccountsWorld.password, displayName: "", client: client)
            }
        }
    }

    /// After `password.cost` was changed, in either direction, and for all forms of the password.
    @Test(arguments: [(10, 11), (11, 10), (10, 10)])
    func aChangedCostTellsNothingOfWhoExists(stored: Int, today: Int) async throws {
        try await TestDatabase.with(.sqlite) { database, _ in
            let before = await AccountsWorld(database, passwords: PasswordHasher(cost: stored))
            _ = try await before.register("ada")
            let hasher = PasswordHasher(cost: today)
            let world = await AccountsWorld(database, passwords: hasher)
            _ = try await world.register("grace")
            try await world.service.start()
            for password in ["wrong password", "cafe\u{301} au lait"] {
                var costs: [Int] = []
                for name in ["ada", "grace", "nobody"] {
                    let rounds = hasher.rounds.value
                    await expect(.badCredentials) { _ = try await world.logIn(name, password) }
                    costs.append(hasher.rounds.value - rounds)
                }
                #expect(Set(costs).count == 1, "\(costs)")
            }
            // Then its owner comes, and is treated like others.
            _ = try await world.logIn("ada")
            #expect(try await world.service.account(named: "ada")?.passwordHash?.hasPrefix("$2b$\(today)$") == true)
        }
    }

    @Test(arguments: DatabaseEngine.tested) func namesThatLookAlikeAreRefused(engine: DatabaseEngine) async throws {
        try await AccountsWorld.with(engine) { world in
            _ = try await world.register("ali", displayName: "علی\u{200C}رضا")
            _ = try await world.register("ali2", displayName: "علی\u{200C}رضا")
            await expect(.invalid(.displayName)) { _ = try await world.register("eve", displayName: "علیرضا") }
            await expect(.invalid(.displayName)) {
                _ = try await world.service.createUser(
                    username: "eve", password: AccountsWorld.password, displayName: "علیرضا")
            }
            _ = try await world.register("ann", displayName: "Ann ❤")
            await expect(.invalid(.displayName)) { _ = try await world.register("eve", displayName: "ANN ❤️") }
            _ = try await world.register("bob", displayName: "ann ❤")
            for hidden in ["A\u{200B}nn", "\u{3164}", "\u{2060}", "Ann\u{200F}", "A\u{61C}nn"] {
                await expect(.invalid(.displayName)) { _ = try await world.register("eve", displayName: hidden) }
            }
            // Two at once, on one database, where only one is allowed.
            let outcomes = await withTaskGroup(of: AccountError.Code?.self) { group in
                for (name, displayName) in [("x1", "❤ x"), ("x2", "❤️ x")] {
                    group.addTask {
                        do throws(AccountError) {
                            _ = try await world.register("\(name)_name", displayName: displayName)
                            return nil
                        } catch {
                            return error.code
                        }
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            if engine == .sqlite { #expect(outcomes.count { $0 == .invalid(.displayName) } == 1, "\(outcomes)") }
        }
    }

    @Test func saysWhenItIsOverloaded() async throws {
        try await TestDatabase.with(.sqlite) { database, _ in
            let world = await AccountsWorld(database, passwords: PasswordHasher(cost: 10, threads: 1, queueLimit: 1))
            _ = try await world.register("ada")
            let codes = await withTaskGroup(of: AccountError.Code?.self) { group in
                for _ in 0..<6 {
                    group.addTask {
                        do throws(AccountError) {
                            _ = try await world.logIn("ada")
                            return nil
                        } catch {
                            return error.code
                        }
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(codes.contains(.overloaded))
            #expect(codes.allSatisfy { $0 == nil || $0 == .overloaded })
        }
    }

    @Test(arguments: DatabaseEngine.tested) func saysWhenTheDatabaseIsAway(engine: DatabaseEngine) async throws {
        try await TestDatabase.with(engine) { _, place in
            let gone = try place.open()
            let world = await AccountsWorld(gone)
            let credentials = try await world.register("ada")
            await gone.close()
            await expect(.unavailable) { _ = try await world.logIn("ada") }
            await expect(.unavailable) { _ = try await world.service.authenticate(credentials.accessToken) }
            await expect(.unavailable) { _ = try await world.service.refresh(credentials.refreshToken) }
            await expect(.unavailable) { _ = try await world.register("grace") }
        }
    }
}

extension AccountsWorld {
    /// Does something while an address tries to log in with 50 names at a time, again and again.
    fileprivate func whileFlooded(by address: String, _ body: () async throws -> Void) async throws {
        var flooder = client()
        flooder.ipAddress = address
        let (wave, first) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingOldest(1))
        let flood = Task { [flooder] in
            await withTaskGroup(of: Void.self) { group in
                for number in 0..<50 {
                    group.addTask {
                        var attempt = 0
                        while !Task.isCancelled {
                            // A new name each time, so that no limit of a name slows the flood.
                            attempt += 1
                            _ = try? await self.service.logIn(
                                username: "flood-\(number)-\(attempt)", password: Self.password, client: flooder)
                            first.yield()
                        }
                    }
                }
            }
        }
        // The first results were refusals: there is no room left.
        for await _ in wave { break }
        do {
            try await body()
        } catch {
            flood.cancel()
            await flood.value
            throw error
        }
        flood.cancel()
        await flood.value
    }
}
