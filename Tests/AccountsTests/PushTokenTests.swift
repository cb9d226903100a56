import Primitives
import Storage
import TestDatabases
import Testing

@testable import Accounts

@Suite(.serialized, .timeLimit(.minutes(1))) struct PushTokenTests {
    @Test(arguments: DatabaseEngine.tested) func belongsToTheSessionThatSetItLast(engine: DatabaseEngine) async throws {
        try await AccountsWorld.with(engine) { world in
            let (ada, ben) = (try await world.register("ada"), try await world.register("ben"))
            let adas = try await world.service.authenticate(ada.accessToken)
            let bens = try await world.service.authenticate(ben.accessToken)
            try await world.service.setPushToken(Redacted("phone"), of: adas)
            #expect(try await tokens(of: adas, world) == ["phone"])
            try await world.service.setPushToken(Redacted("phone"), of: bens)
            #expect(try await tokens(of: adas, world) == [])
            #expect(try await tokens(of: bens, world) == ["phone"])
            try await world.service.setPushToken(Redacted(""), of: bens)
            #expect(try await tokens(of: bens, world) == [])
        }
    }

    @Test(arguments: DatabaseEngine.tested) func endsWithTheSession(engine: DatabaseEngine) async throws {
        try await AccountsWorld.with(engine) { world in
            let identity = try await world.service.authenticate(try await world.register("ada").accessToken)
            try await world.service.setPushToken(Redacted("phone"), of: identity)
            try await world.service.logOut(identity)
            #expect(try await tokens(of: identity, world) == [])
            let next = try await world.service.authenticate(try await world.register("ben").accessToken)
            try await world.service.setPushToken(Redacted("phone"), of: next)
            await expect(.unauthenticated) { try await world.service.setPushToken(Redacted("phone"), of: identity) }
            #expect(try await tokens(of: next, world) == ["phone"])
        }
    }

    @Test func hasALimit() async throws {
        try await AccountsWorld.with(.sqlite) { world in
            let identity = try await world.service.authenticate(try await world.register("ada").accessToken)
            try await world.service.setPushToken(Redacted(String(repeating: "é", count: 1024)), of: identity)
            for token in [String(repeating: "é", count: 1024) + "x", "a\nb", "a\0b"] {
                await expect(.invalid(.pushToken)) {
                    try await world.service.setPushToken(Redacted(token), of: identity)
                }
            }
        }
    }

    private func tokens(of identity: Identity, _ world: AccountsWorld) async throws -> [String] {
        try await world.database.query(.pushTargetsOfUser, [.id(identity.user), .instant(world.clock.now)]).map {
            try $0.text("push_token")
        }
    }
}
