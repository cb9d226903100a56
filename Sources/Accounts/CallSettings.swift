public import Primitives
import Storage

/// How a user wants to be called.
public struct CallSettings: Sendable, Equatable {
    /// Whose calls ring.
    public enum WhoCanCall: String, Sendable, CaseIterable {
        case everyone
        case contacts
        case nobody

        /// Whether a caller gets through.
        func admits(contact isContact: Bool) -> Bool {
            switch self {
            case .everyone: true
            case .contacts: isContact
            case .nobody: false
            }
        }
    }

    /// Whether a second call rings during the first; if not, its caller is told that the line is busy.
    public var hasCallWaiting: Bool
    /// Whose calls ring.
    public var whoCanCall: WhoCanCall

    init(row: Row) throws(DatabaseError) {
        hasCallWaiting = try row.boolean("call_waiting")
        whoCanCall = try row.name("who_can_call")
    }
}

/// How a call from one user to another is handled.
public struct CallPolicy: Sendable, Equatable {
    /// The callee, as others see them.
    public var profile: Profile
    /// False when the callee has blocked the caller or does not accept calls from such callers: then the caller hears
    /// ringing until the deadline, and the callee is not told.
    public var isReachable: Bool
    /// Whether a second call rings for the callee during the first.
    public var hasCallWaiting: Bool
    /// Whether the caller has blocked the callee, which is refused openly.
    public var isBlockedByCaller: Bool

    init(row: Row) throws(DatabaseError) {
        profile = try Profile(row: row)
        let settings = try CallSettings(row: row)
        hasCallWaiting = settings.hasCallWaiting
        isBlockedByCaller = try row.boolean("is_blocked_by_caller")
        let hasBlockedCaller = try row.boolean("has_blocked_caller")
        let isContact = try row.boolean("is_contact")
        isReachable = !hasBlockedCaller && settings.whoCanCall.admits(contact: isContact)
    }
}

extension AccountService {
    /// How a user wants to be called.
    /// - Throws: `notFound`, `unavailable`, `internal`.
    public func callSettings(of user: UserID) async throws(AccountError) -> CallSettings {
        let rows = try await read(.callSettingsOfUser, [.id(user)], CallSettings.init(row:))
        guard let settings = rows.first else { throw .notFound("user") }
        return settings
    }

    /// Changes how a user wants to be called. Calls that are already ringing continue.
    /// - Parameters:
    ///   - hasCallWaiting: Nil leaves it as it is.
    ///   - whoCanCall: Nil leaves it as it is.
    /// - Throws: `notFound`, `rateLimited`, `unavailable`, `internal`.
    public func changeCallSettings(
        of user: UserID, hasCallWaiting: Bool? = nil, whoCanCall: CallSettings.WhoCanCall? = nil
    ) async throws(AccountError) -> CallSettings {
        try countChange(by: user)
        let results = try await commit([
            Step(
                .updateCallSettings,
                [
                    .id(user), hasCallWaiting.map { .boolean($0) } ?? .null, .text(whoCanCall?.rawValue),
                    .instant(now()),
                ])
        ])
        guard let row = results.first?.rows.first else { throw .notFound("user") }
        do throws(DatabaseError) {
            return try CallSettings(row: row)
        } catch {
            throw accountError(error, at: "update_call_settings")
        }
    }

    /// How calls from one user to others are handled, by callee. Unknown and suspended users are left out.
    ///
    /// One query for up to 32 callees over committed data: a block counts from the moment its answer was given.
    /// - Throws: `unavailable`, `internal`.
    public func callPolicies(
        of callees: [UserID], calledBy caller: UserID
    ) async throws(AccountError) -> [UserID: CallPolicy] {
        var policies: [UserID: CallPolicy] = [:]
        func note(_ found: [CallPolicy]) {
            for policy in found { policies[policy.profile.id] = policy }
        }
        if callees.count == 1 {
            note(try await read(.callPolicy, [.id(caller), .id(callees[0])], CallPolicy.init(row:)))
            return policies
        }
        var rest = callees[...]
        while let first = rest.first {
            let batch = rest.prefix(Statement.callPoliciesBatch)
            rest = rest.dropFirst(batch.count)
            // The statement has a fixed number of places; unused ones repeat the first callee.
            let padding = Array(repeating: first, count: Statement.callPoliciesBatch - batch.count)
            let values = [.id(caller)] + (batch + padding).map { SQLValue.id($0) }
            note(try await read(.callPolicies, values, CallPolicy.init(row:)))
        }
        return policies
    }

    /// What an invite to one user needs to know, of accounts, conversations and calls, in one read: an invite waits for
    /// it. Nil when the user is unknown or suspended.
    ///
    /// - Parameters:
    ///   - directKey: The key of the two users' direct conversation.
    ///   - name: The caller's own name for the call.
    /// - Throws: `unavailable`, `internal`.
    package func directCallee(
        _ callee: UserID, calledBy caller: UserID, directKey: String, as name: RequestID
    ) async throws(AccountError) -> DirectCallee? {
        let values: [SQLValue] = [.id(caller), .id(callee), .text(directKey), .id(name)]
        return try await read(.directCallee, values, DirectCallee.init(row:)).first
    }
}

/// A user who is called directly.
package struct DirectCallee: Sendable {
    /// How the call is handled.
    package let policy: CallPolicy
    /// The direct conversation of the two, if it has begun for the caller.
    package let conversation: ConversationID?
    /// Whether the caller has placed a call of this name before.
    package let isRepeated: Bool

    fileprivate init(row: Row) throws(DatabaseError) {
        policy = try CallPolicy(row: row)
        conversation = try row.idIfAny("conversation_id")
        isRepeated = try row.boolean("is_repeated")
    }
}
