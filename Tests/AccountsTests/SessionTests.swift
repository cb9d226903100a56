import Primitives
import Storage
import TestDatabases
import Testing

@testable import Accounts

@Suite(.serialized, .timeLimit(.minutes(1))) struct SessionTests {
    @Test(
        .enabled(if: TestDatabase.cluster != nil, "RINGBACK_TEST_POSTGRES names no cluster: no test runs on PostgreSQL")
    )
    func postgreSQLIsTested() async throws {
        #expect(DatabaseEngine.tested.contains(.postgresql))
        try await TestDatabase.with(.postgresql) { database, _ in try await database.ping() }
    }

    @Test(arguments: DatabaseEngine.tested) func refreshingRotatesTheToken(engine: DatabaseEngine) async throws {
        try await AccountsWorld.with(engine) { world in
            let first = try await world.register("ada")
            world.clock.advance(.seconds(500))
            let second = try await world.service.refresh(
                first.refreshToken, ipAddress: "2001:db8::1", userAgent: String(repeating: "é", count: 600) + "\0")
            #expect(second.session == first.session)
            #expect(second.profile == first.profile)
            #expect(second.refreshToken != first.refreshToken)
            #expect(second.refreshTokenExpiresAt == world.clock.now + .seconds(30 * 86_400))
            let identity = try await world.service.authenticate(second.accessToken)
            _ = try await world.service.authenticate(first.accessToken)
            let sessions = try await world.service.sessions(of: identity)
            #expect(sessions.map(\.ipAddress) == ["2001:db8::1"])
            #expect(sessions.map(\.userAgent.count) == [500])
            #expect(sessions.map(\.lastActivityAt) == [world.clock.now])

            // The access token ends, the session goes on.
            world.clock.advance(.seconds(700))
            await expect(.unauthenticated) { _ = try await world.service.authenticate(second.accessToken) }
            let third = try await world.service.refresh(second.refreshToken)
            _ = try await world.service.authenticate(third.accessToken)
            #expect(world.revocations.sessions.isEmpty)
        }
    }

    @Test(arguments: DatabaseEngine.tested) func aTokenUsedTwiceEndsTheSession(engine: DatabaseEngine) async throws {
        try await AccountsWorld.with(engine) { world in
            let first = try await world.register("ada")
            world.clock.advance(.seconds(60))
            let second = try await world.service.refresh(first.refreshToken)
            world.clock.advance(RefreshChain.repeatSpan)
            await expect(.unauthenticated) { _ = try await world.service.refresh(first.refreshToken) }
            #expect(world.revocations.sessions == [first.session])
            await expect(.unauthenticated) { _ = try await world.service.authenticate(second.accessToken) }
            await expect(.unauthenticated) { _ = try await world.service.refresh(second.refreshToken) }
            #expect(world.revocations.sessions == [first.session])
        }
    }

    /// However many exchanges have followed it, and however quickly.
    @Test(arguments: DatabaseEngine.tested) func aTokenUsedLongAgoEndsTheSession(engine: DatabaseEngine) async throws {
        try await AccountsWorld.with(engine) { world in
            let first = try await world.register("ada")
            let second = try await world.service.refresh(first.refreshToken)
            let third = try await world.service.refresh(second.refreshToken)
            await expect(.unauthenticated) { _ = try await world.service.refresh(first.refreshToken) }
            #expect(world.revocations.sessions == [first.session])
            await expect(.unauthenticated) { _ = try await world.service.refresh(third.refreshToken) }
        }
    }

    /// A thief who is always quick repeats each exchange of the owner, and is found at the owner's next exchange.
    @Test(arguments: DatabaseEngine.tested) func aThiefCannotHideBehindRepeats(engine: DatabaseEngine) async throws {
        try await AccountsWorld.with(engine) { world in
            let first = try await world.register("ada")
            let owners = try await world.service.refresh(first.refreshToken)
            var thiefs = try await world.service.refresh(first.refreshToken)
            // Never more than 10 s ago.
            for _ in 0..<3 {
                world.clock.advance(.seconds(5))
                thiefs = try await world.service.refresh(thiefs.refreshToken)
            }
            world.clock.advance(.seconds(5))
            await expect(.unauthenticated) { _ = try await world.service.refresh(owners.refreshToken) }
            #expect(world.revocations.sessions == [first.session])
            await expect(.unauthenticated) { _ = try await world.service.refresh(thiefs.refreshToken) }
            await expect(.unauthenticated) { _ = try await world.service.authenticate(thiefs.accessToken) }
        }
    }

    /// A second repeat means that more than one answer was lost.
    @Test(arguments: DatabaseEngine.tested) func aRepeatIsNotRepeated(engine: DatabaseEngine) async throws {
        try await AccountsWorld.with(engine) { world in
            let first = try await world.register("ada")
            _ = try await world.service.refresh(first.refreshToken)
            let second = try await world.service.refresh(first.refreshToken)
            await expect(.unauthenticated) { _ = try await world.service.refresh(first.refreshToken) }
            #expect(world.revocations.sessions == [first.session])
            await expect(.unauthenticated) { _ = try await world.service.refresh(second.refreshToken) }
        }
    }

    /// Knowing the id of a session is not enough to end it with a made-up secret.
    @Test(arguments: DatabaseEngine.tested) func aForgedTokenDoesNoHarm(engine: DatabaseEngine) async throws {
        try await AccountsWorld.with(engine) { world in
            let ada = try await world.register("ada")
            world.clock.advance(RefreshChain.repeatSpan)
            let stranger = RefreshTokens(key: .random()).make(for: ada.session).token
            let unknown = world.tokens.refreshTokens.make(for: .random(at: world.clock.now)).token
            for token in [stranger, unknown, Redacted("\(ada.session).secret"), Redacted("\(ada.session)..")] {
                await expect(.unauthenticated) { _ = try await world.service.refresh(token) }
            }
            #expect(world.revocations.sessions.isEmpty)
            _ = try await world.service.refresh(ada.refreshToken)
        }
    }

    @Test(arguments: DatabaseEngine.tested) func anAnswerThatWasLostIsGivenOnceMore(engine: DatabaseEngine) async throws
    {
        try await AccountsWorld.with(engine) { world in
            let first = try await world.register("ada")
            let lost = try await world.service.refresh(first.refreshToken)
            world.clock.advance(.milliseconds(RefreshChain.repeatSpan.milliseconds - 1))
            let second = try await world.service.refresh(first.refreshToken)
            #expect(second.session == first.session)
            #expect(second.refreshToken != lost.refreshToken)
            _ = try await world.service.authenticate(second.accessToken)
            world.clock.advance(.seconds(500))
            let third = try await world.service.refresh(second.refreshToken)
            #expect(world.revocations.sessions.isEmpty)
            // It was not lost after all.
            await expect(.unauthenticated) { _ = try await world.service.refresh(lost.refreshToken) }
            #expect(world.revocations.sessions == [first.session])
            await expect(.unauthenticated) { _ = try await world.service.refresh(third.refreshToken) }
        }
    }

    /// Whether the exchange was carried out or not, the client has a token that works.
    @Test(arguments: DatabaseEngine.tested, [true, false])
    func anExchangeOfUnknownOutcomeIsLookedUp(engine: DatabaseEngine, isCarriedOut: Bool) async throws {
        try await TestDatabase.with(engine) { database, _ in
            let faulty = FaultyDatabase(database)
            let world = await AccountsWorld(faulty)
            let fault: FaultyDatabase.Fault = isCarriedOut ? .after(.outcomeUnknown) : .before(.outcomeUnknown)
            var credentials = try await world.register("ada")
            for _ in 0..<3 {
                faulty.fail(fault)
                let next = try await world.service.refresh(credentials.refreshToken)
                #expect(faulty.isSpent)
                // The answer is lost, and the repeat has an unknown outcome as well.
                faulty.fail(fault)
                credentials = try await world.service.refresh(credentials.refreshToken)
                #expect(credentials.refreshToken != next.refreshToken)
                _ = try await world.service.authenticate(credentials.accessToken)
                world.clock.advance(.seconds(60))
            }
            faulty.fail(.before(.outcomeUnknown), .before(.outcomeUnknown), .before(.outcomeUnknown))
            await expect(.unavailable) { _ = try await world.service.refresh(credentials.refreshToken) }
            faulty.fail(.before(.unavailable))
            await expect(.unavailable) { _ = try await world.service.refresh(credentials.refreshToken) }
            _ = try await world.service.refresh(credentials.refreshToken)
            #expect(world.revocations.sessions.isEmpty)
        }
    }

    /// The client's token works, whichever of two answers it keeps.
    @Test(arguments: DatabaseEngine.tested) func ofTwoRefreshesAtOnceBothWork(engine: DatabaseEngine) async throws {
        try await TestDatabase.with(engine) { database, place in
            let world = await AccountsWorld(database)
            // On PostgreSQL a second server takes part.
            let other = engine == .postgresql ? try place.open() : database
            let services = [world.service, world.service(on: other)]
            var credentials = try await world.register("ada")
            for round in 0..<10 {
                let token = credentials.refreshToken
                let winners = try await withThrowingTaskGroup(of: Credentials.self) { group in
                    for service in services { group.addTask { try await service.refresh(token) } }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                #expect(Set(winners.map(\.refreshToken.exposed)).count == 2)
                credentials = try await world.service.refresh(winners[round % 2].refreshToken)
                _ = try await world.service.authenticate(credentials.accessToken)
            }
            #expect(world.revocations.sessions.isEmpty)
            if engine == .postgresql { await other.close() }
        }
    }

    /// One exchange and one repeat; more than two at once do not come from one client.
    @Test(arguments: DatabaseEngine.tested) func ofManyRefreshesAtOnceTwoWin(engine: DatabaseEngine) async throws {
        try await AccountsWorld.with(engine) { world in
            let credentials = try await world.register("ada")
            let winners = await withTaskGroup(of: Credentials?.self) { group in
                for _ in 0..<8 { group.addTask { try? await world.service.refresh(credentials.refreshToken) } }
                return await group.reduce(into: 0) { if $1 != nil { $0 += 1 } }
            }
            #expect(winners == 2)
            #expect(world.revocations.sessions == [credentials.session])
        }
    }

    @Test(arguments: DatabaseEngine.tested) func endsTheOldestOfTooManySessions(engine: DatabaseEngine) async throws {
        try await AccountsWorld.with(engine) { world in
            let profile = try await world.service.createUser(username: "ada", password: AccountsWorld.password)
            var opened: [Credentials] = []
            func open() async throws {
                opened.append(try await world.service.openSession(of: profile, client: world.client(), after: []))
                world.clock.advance(.seconds(1))
            }
            for _ in 0..<AccountService.sessionLimit { try await open() }
            // The first one is used again.
            opened[0] = try await world.service.refresh(opened[0].refreshToken)
            #expect(world.revocations.sessions.isEmpty)
            try await open()
            #expect(world.revocations.sessions == [opened[1].session])
            let identity = try await world.service.authenticate(opened[0].accessToken)
            #expect(try await world.service.sessions(of: identity).count == AccountService.sessionLimit)

            // Ended sessions are kept for 30 more days.
            func isStored(_ credentials: Credentials) async throws -> Bool {
                try await world.service.session(credentials.session) != nil
            }
            world.clock.advance(.seconds(29 * 86_400))
            try await open()
            #expect(try await isStored(opened[1]))
            world.clock.advance(.seconds(2 * 86_400))
            try await open()
            #expect(try await !isStored(opened[1]))
            #expect(try await isStored(opened[2]))
        }
    }

    @Test(arguments: DatabaseEngine.tested) func tellsWhichSessionsHaveEnded(engine: DatabaseEngine) async throws {
        try await TestDatabase.with(engine) { database, place in
            let world = await AccountsWorld(database)
            let (ada, grace) = (try await world.register("ada"), try await world.register("grace"))
            let revoked = try await world.logIn("ada")
            let token = try await world.service.createToken(username: "ada", lifetime: .seconds(60)).session
            let unknown = SessionID.random(at: world.clock.now)
            let all = [ada.session, grace.session, revoked.session, token, unknown, ada.session]
            #expect(try await world.service.endedSessions(among: []) == [])
            #expect(try await world.service.endedSessions(among: all) == [unknown])
            try await world.service.logOut(try await world.service.authenticate(revoked.accessToken))
            #expect(try await world.service.endedSessions(among: all) == [unknown, revoked.session])
            world.clock.advance(.seconds(60))
            let block = Step(
                .setUserBlocked, [.id(grace.profile.id), .boolean(true), .instant(world.clock.now)], expectedRows: 1)
            _ = try await database.commit(WriteUnit([block]))
            #expect(
                try await world.service.endedSessions(among: all) == [unknown, revoked.session, token, grace.session])
            let gone = try place.open()
            await gone.close()
            await expect(.unavailable) { _ = try await world.service(on: gone).endedSessions(among: all) }
        }
    }

    @Test(arguments: DatabaseEngine.tested) func aSessionEndsWithoutRefresh(engine: DatabaseEngine) async throws {
        try await AccountsWorld.with(engine) { world in
            let first = try await world.register("ada")
            world.clock.advance(.seconds(29 * 86_400))
            let second = try await world.service.refresh(first.refreshToken)
            world.clock.advance(.seconds(29 * 86_400))
            let third = try await world.service.refresh(second.refreshToken)
            world.clock.advance(.seconds(30 * 86_400))
            await expect(.unauthenticated) { _ = try await world.service.refresh(third.refreshToken) }
            let identity = Identity(
                profile: third.profile, session: third.session, device: .random(at: world.clock.now))
            #expect(try await world.service.sessions(of: identity).isEmpty)
        }
    }

    @Test(arguments: ["", "x", String(repeating: "A", count: 43), String(repeating: "A", count: 100_000)])
    func refusesWhatIsNoRefreshToken(text: String) async throws {
        try await AccountsWorld.with(.sqlite) { world in
            await expect(.unauthenticated) { _ = try await world.service.refresh(Redacted(text)) }
        }
    }

    @Test(arguments: DatabaseEngine.tested) func aDeviceHasOneSession(engine: DatabaseEngine) async throws {
        try await AccountsWorld.with(engine) { world in
            let device = DeviceID.random(at: world.clock.now)
            _ = try await world.register("ada")
            let first = try await world.logIn("ada", device: device)
            let second = try await world.logIn("ada", device: device)
            #expect(world.revocations.sessions == [first.session])
            await expect(.unauthenticated) { _ = try await world.service.authenticate(first.accessToken) }
            await expect(.unauthenticated) { _ = try await world.service.refresh(first.refreshToken) }
            let identity = try await world.service.authenticate(second.accessToken)
            #expect(try await world.service.sessions(of: identity).count == 2)
            // The same device used by somebody else is another matter.
            _ = try await world.register("grace")
            _ = try await world.logIn("grace", device: device)
            _ = try await world.service.authenticate(second.accessToken)
        }
    }

    @Test(arguments: DatabaseEngine.tested) func aDeviceThatLogsInTwiceAtOnceHasOneSession(engine: DatabaseEngine)
        async throws
    {
        try await TestDatabase.with(engine) { database, place in
            let world = await AccountsWorld(database)
            let other = engine == .postgresql ? try place.open() : database
            let services = [world.service, world.service(on: other)]
            let owner = try await world.register("ada")
            let client = world.client()
            let opened = try await withThrowingTaskGroup(of: Credentials.self) { group in
                for number in 0..<8 {
                    group.addTask {
                        try await services[number % 2].logIn(
                            username: "ada", password: AccountsWorld.password, client: client)
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            let identity = try await world.service.authenticate(owner.accessToken)
            let live = try await world.service.sessions(of: identity).filter { $0.device == client.device }.map(\.id)
            #expect(live.count == 1)
            #expect(Set(world.revocations.sessions + live) == Set(opened.map(\.session)))
            #expect(world.revocations.sessions.count == 7)
            if engine == .postgresql { await other.close() }
        }
    }

    @Test(arguments: DatabaseEngine.tested) func logsInAgainWhenTheDeviceWasFaster(engine: DatabaseEngine)
        async throws
    {
        try await TestDatabase.with(engine) { database, _ in
            let faulty = FaultyDatabase(database)
            let world = await AccountsWorld(faulty)
            _ = try await world.register("ada")
            let lost = FaultyDatabase.Fault.before(.constraint("sessions_user_id_device_id_key"))
            faulty.fail(lost, lost)
            _ = try await world.service.authenticate(try await world.logIn("ada").accessToken)
            #expect(faulty.isSpent)
            faulty.fail(lost, lost, lost)
            await expect(.unavailable) { _ = try await world.logIn("ada") }
            faulty.fail(.before(.constraint("sessions_user_id_fkey")), .before(.outcomeUnknown))
            await expect(.internal) { _ = try await world.logIn("ada") }
            await expect(.unavailable) { _ = try await world.logIn("ada") }
        }
    }

    @Test(arguments: DatabaseEngine.tested) func listsAndRevokes(engine: DatabaseEngine) async throws {
        try await AccountsWorld.with(engine) { world in
            let phone = try await world.register("ada")
            world.clock.advance(.seconds(1))
            let laptop = try await world.logIn("ada")
            let stranger = try await world.register("grace")
            let identity = try await world.service.authenticate(laptop.accessToken)
            let mallory = try await world.service.authenticate(stranger.accessToken)
            let listed = try await world.service.sessions(of: identity)
            #expect(listed.map(\.id) == [laptop.session, phone.session])
            #expect(listed.map(\.isCurrent) == [true, false])
            #expect(listed.map(\.deviceName) == ["Firefox on Linux", "Firefox on Linux"])
            #expect(listed[0].device == identity.device)
            #expect(listed[0].createdAt == world.clock.now)
            #expect(listed[0].expiresAt == laptop.refreshTokenExpiresAt)

            await expect(.notFound) { try await world.service.revoke(session: phone.session, by: mallory) }
            await expect(.notFound) {
                try await world.service.revoke(session: .random(at: world.clock.now), by: mallory)
            }
            _ = try await world.service.authenticate(phone.accessToken)
            #expect(world.revocations.sessions.isEmpty)

            try await world.service.revoke(session: phone.session, by: identity)
            #expect(world.revocations.sessions == [phone.session])
            await expect(.unauthenticated) { _ = try await world.service.authenticate(phone.accessToken) }
            await expect(.unauthenticated) { _ = try await world.service.refresh(phone.refreshToken) }
            await expect(.notFound) { try await world.service.revoke(session: phone.session, by: identity) }

            try await world.service.logOut(identity)
            try await world.service.logOut(identity)
            #expect(world.revocations.sessions == [phone.session, laptop.session])
            await expect(.unauthenticated) { _ = try await world.service.authenticate(laptop.accessToken) }
        }
    }

    @Test(arguments: DatabaseEngine.tested) func tokensMadeByHandAreListedAndRevoked(engine: DatabaseEngine)
        async throws
    {
        try await AccountsWorld.with(engine) { world in
            let profile = try await world.service.createUser(username: "Ada", password: AccountsWorld.password)
            #expect(profile.displayName == "Ada")
            let token = try await world.service.createToken(username: "ada", lifetime: .seconds(86_400))
            #expect(token.expiresAt == world.clock.now + .seconds(86_400))
            world.clock.advance(.seconds(80_000))
            let identity = try await world.service.authenticate(token.accessToken)
            #expect(identity == Identity(profile: profile, session: token.session, device: token.device))
            #expect(try await world.service.sessions(of: identity).map(\.deviceName) == ["Command line"])
            let second = try await world.service.createToken(username: "ada", lifetime: .seconds(60))
            try await world.service.revoke(session: second.session, by: identity)
            await expect(.unauthenticated) { _ = try await world.service.authenticate(second.accessToken) }
            world.clock.advance(.seconds(86_400))
            await expect(.unauthenticated) { _ = try await world.service.authenticate(token.accessToken) }
            for lifetime in [Instant.Span.seconds(0), .seconds(-1), .seconds(367 * 86_400), .init(microseconds: .max)] {
                await expect(.invalid(.lifetime)) {
                    _ = try await world.service.createToken(username: "ada", lifetime: lifetime)
                }
            }
            await expect(.notFound) {
                _ = try await world.service.createToken(username: "grace", lifetime: .seconds(1))
            }
        }
    }
}

extension AccountsWorld {
    /// Another server on another connection to the same database.
    func service(on database: any Database) -> AccountService {
        AccountService(
            database: database, tokens: tokens, passwords: passwords, now: { [clock] in clock.now },
            revocations: revocations, logger: service.logger)
    }
}
