import Primitives
import Storage
import TestDatabases
import Testing

@testable import Accounts

@Suite(.timeLimit(.minutes(1))) struct RevocationTests {
    /// Who is told of log-outs, and what is found by those who were not told.
    @Test(arguments: DatabaseEngine.tested)
    func tellWhichDevicesAreLeft(_ engine: DatabaseEngine) async throws {
        try await AccountsWorld.with(engine) { world in
            let phone = DeviceID.random(at: world.clock.now)
            let laptop = DeviceID.random(at: world.clock.now)
            let first = try await world.service.register(
                username: "ann", password: AccountsWorld.password, displayName: "", client: world.client(phone))
            let second = try await world.logIn("ann", device: laptop)
            #expect(world.revocations.logOuts.isEmpty)
            #expect(try await world.service.latestRevocations(limit: 10).isEmpty)

            // A device that logs in again goes on with another session.
            let third = try await world.logIn("ann", device: phone)
            #expect(world.revocations.sessions == [first.session] && world.revocations.logOuts.isEmpty)
            let replaced = try #require(try await world.service.latestRevocations(limit: 10).first)
            #expect(replaced.session == first.session && replaced.device == phone)
            #expect(!replaced.isDeviceLoggedOut && !replaced.isUserLoggedOut)

            try await world.service.logOut(world.service.authenticate(third.accessToken))
            #expect(world.revocations.logOuts == [.init(devices: [phone], isLast: false)])
            try await world.service.logOut(world.service.authenticate(second.accessToken))
            #expect(world.revocations.logOuts.last == .init(devices: [laptop], isLast: true))

            let all = try await world.service.latestRevocations(limit: 10)
            #expect(all.map(\.session) == [second.session, third.session, first.session])
            #expect(all.allSatisfy { $0.isDeviceLoggedOut && $0.isUserLoggedOut })
            #expect(
                try await world.service.latestRevocations(before: all[0], limit: 1).map(\.session) == [third.session])
        }
    }

    @Test(arguments: DatabaseEngine.tested)
    func areInTheirOrderWhateverTheClockSays(_ engine: DatabaseEngine) async throws {
        try await AccountsWorld.with(engine) { world in
            var sessions: [SessionID] = []
            let names = ["ann", "ben", "cleo"]
            for name in names { sessions.append(try await world.register(name).session) }
            for name in names {
                try await world.service.suspend(username: name)
                world.clock.advance(.seconds(-3600))
            }
            #expect(world.revocations.logOuts.map(\.isLast) == [true, true, true])
            #expect(try await world.service.latestRevocations(limit: 2).map(\.session) == [sessions[2], sessions[1]])
        }
    }
}
