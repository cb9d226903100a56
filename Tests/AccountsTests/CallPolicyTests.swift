import Primitives
import Storage
import TestDatabases
import Testing

@testable import Accounts

@Suite(.serialized, .timeLimit(.minutes(1))) struct CallPolicyTests {
    enum Acquaintance: CaseIterable { case none, requestedByCaller, requestedByCallee, rejected, accepted }

    /// Every block, acquaintance and setting, with enough callees for several batches.
    @Test(arguments: DatabaseEngine.tested) func saysWhomACallReaches(engine: DatabaseEngine) async throws {
        try await AccountsWorld.with(engine) { world in
            let service = world.service
            let caller = try await world.register("caller").profile.id
            var expected: [UserID: (isReachable: Bool, hasCallWaiting: Bool, isBlockedByCaller: Bool)] = [:]
            for isBlocking in [false, true] {
                for isBlocked in [false, true] {
                    for acquaintance in Acquaintance.allCases {
                        for setting in CallSettings.WhoCanCall.allCases {
                            let callee = try await Self.addUser("callee\(expected.count)", to: world)
                            let hasCallWaiting = expected.count.isMultiple(of: 2)
                            try await Self.acquaint(acquaintance, caller, callee, service)
                            _ = try await service.changeCallSettings(
                                of: callee, hasCallWaiting: hasCallWaiting, whoCanCall: setting)
                            if isBlocking { try await service.block(caller, by: callee) }
                            if isBlocked { try await service.block(callee, by: caller) }
                            let isAdmitted =
                                setting == .everyone || setting == .contacts && acquaintance == .accepted
                            expected[callee] = (!isBlocking && isAdmitted, hasCallWaiting, isBlocked)
                            world.clock.advance(.seconds(120))
                        }
                    }
                }
            }
            #expect(expected.count == 60)
            let unknown = UserID.random(at: world.clock.now)
            let policies = try await service.callPolicies(of: Array(expected.keys) + [unknown], calledBy: caller)
            #expect(Set(policies.keys) == Set(expected.keys))
            for (callee, expected) in expected {
                let policy = try #require(policies[callee])
                #expect(policy.profile.id == callee)
                #expect(policy.isReachable == expected.isReachable, "\(policy.profile.username)")
                #expect(policy.hasCallWaiting == expected.hasCallWaiting, "\(policy.profile.username)")
                #expect(policy.isBlockedByCaller == expected.isBlockedByCaller, "\(policy.profile.username)")
            }
            #expect(try await service.callPolicies(of: [], calledBy: caller).isEmpty)
            try await service.suspend(username: "callee0")
            #expect(try await service.callPolicies(of: Array(expected.keys), calledBy: caller).count == 59)
        }
    }

    /// An account without a password, which costs no hash.
    static func addUser(_ name: String, to world: AccountsWorld) async throws -> UserID {
        let id = UserID.random(at: world.clock.now)
        let values: [SQLValue] = [
            .id(id), .text(name), .null, .null, .text(name), .text(name), .null, .text("user"),
            .instant(world.clock.now),
        ]
        _ = try await world.database.commit(WriteUnit([Step(.insertUser, values, expectedRows: 1)]))
        return id
    }

    private static func acquaint(
        _ acquaintance: Acquaintance, _ caller: UserID, _ callee: UserID, _ service: AccountService
    ) async throws {
        switch acquaintance {
        case .none: break
        case .requestedByCaller: _ = try await service.requestContact(with: callee, by: caller)
        case .requestedByCallee: _ = try await service.requestContact(with: caller, by: callee)
        case .rejected:
            _ = try await service.requestContact(with: callee, by: caller)
            try await service.rejectContact(with: caller, by: callee)
        case .accepted:
            _ = try await service.requestContact(with: callee, by: caller)
            try await service.acceptContact(with: caller, by: callee)
        }
    }
}
