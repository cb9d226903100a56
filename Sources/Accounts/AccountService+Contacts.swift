import NIOConcurrencyHelpers
public import Primitives
import Storage

extension AccountService {
    /// Contacts and requests as a user sees them, by id; those whom the user has blocked are left out.
    /// - Parameters:
    ///   - after: The end of the previous page; nil for the first page.
    ///   - limit: 1 to 100; values outside are clamped.
    /// - Throws: `unavailable`, `internal`.
    public func contacts(
        of user: UserID, after: UserID? = nil, limit: Int = 50
    ) async throws(AccountError) -> PeoplePage<Contact> {
        let limit = min(max(limit, 1), Self.pageLimit)
        let rows = try await read(.contactsOfUser, Self.page(of: user, after: after, limit: limit)) {
            row throws(DatabaseError) in try Contact(row: row, seenBy: user)
        }
        return PeoplePage(rows, limit: limit, id: \.profile.id)
    }

    /// Asks somebody to be a contact, or agrees when they have asked; repeating it changes nothing.
    ///
    /// A user who has blocked the asker never learns of it, and the asker sees what anyone who waits for an answer
    /// sees.
    /// - Throws: `invalid(.userID)` for oneself, `notFound`, `conflict` when the asker has blocked them or has asked
    ///   1000 people, `rateLimited` (too many in an hour, or in a day), `unavailable`, `internal`.
    public func requestContact(with other: UserID, by user: UserID) async throws(AccountError) -> Contact {
        guard user != other else { throw .oneself }
        try await countContactRequest(by: user)
        let now = now()
        let values =
            Self.pair(user, other) + [.id(user), .id(other), .instant(now), .integer(Int64(Self.contactLimit))]
        _ = try await commit([Step(.requestContact, values)])
        if let contact = try await contact(of: user, with: other) { return contact }
        let obstacles = try await obstacles(.contactObstacles, user, other)
        if obstacles.hasBlocked { throw .ownBlock }
        throw obstacles.count >= Self.contactLimit ? .tooManyContacts : .notFound("user")
    }

    /// Agrees to a request; repeating it changes nothing.
    /// - Throws: `notFound` when this user has not asked, `rateLimited`, `unavailable`, `internal`.
    public func acceptContact(with other: UserID, by user: UserID) async throws(AccountError) {
        try await answer(.acceptContact, with: other, by: user)
    }

    /// Rejects a request without telling its sender; repeating it changes nothing.
    /// - Throws: `notFound` when this user has not asked, `rateLimited`, `unavailable`, `internal`.
    public func rejectContact(with other: UserID, by user: UserID) async throws(AccountError) {
        try await answer(.rejectContact, with: other, by: user)
    }

    private func answer(
        _ statement: Statement, with other: UserID, by user: UserID
    ) async throws(AccountError) {
        try countChange(by: user)
        let results = try await commit([Step(statement, Self.pair(user, other) + [.id(user), .instant(now())])])
        guard results.first?.count == 1 else { throw .notFound("request") }
    }

    /// Ends a contact, withdraws one's own request, or rejects the other's; does nothing when there is none.
    /// - Throws: `rateLimited`, `unavailable`, `internal`.
    public func removeContact(with other: UserID, by user: UserID) async throws(AccountError) {
        try countChange(by: user)
        let pair = Self.pair(user, other)
        _ = try await commit([
            Step(.removeContact, pair + [.id(user)]),
            Step(.rejectContact, pair + [.id(user), .instant(now())]),
        ])
    }

    private func contact(of user: UserID, with other: UserID) async throws(AccountError) -> Contact? {
        try await read(.contactOfUser, [.id(user), .id(other)]) { row throws(DatabaseError) in
            try Contact(row: row, seenBy: user)
        }.first
    }
}

extension AccountService {
    /// The users whom a user has blocked, by id.
    /// - Parameters:
    ///   - after: The end of the previous page; nil for the first page.
    ///   - limit: 1 to 100; values outside are clamped.
    /// - Throws: `unavailable`, `internal`.
    public func blocks(
        of user: UserID, after: UserID? = nil, limit: Int = 50
    ) async throws(AccountError) -> PeoplePage<Profile> {
        let limit = min(max(limit, 1), Self.pageLimit)
        let rows = try await read(.blocksOfUser, Self.page(of: user, after: after, limit: limit)) {
            row throws(DatabaseError) in try Profile(row: row)
        }
        return PeoplePage(rows, limit: limit, id: \.id)
    }

    /// Blocks somebody: their calls and requests no longer arrive, and they do not learn of it. A pending request to
    /// them is withdrawn; a contact is kept for when the block ends. Does nothing when repeated, or for an id that does
    /// not exist.
    /// - Throws: `invalid(.userID)` for oneself, `conflict` when 1000 people are blocked, `rateLimited`,
    ///   `unavailable`, `internal`.
    public func block(_ other: UserID, by user: UserID) async throws(AccountError) {
        guard user != other else { throw .oneself }
        try countChange(by: user)
        let results = try await commit([
            Step(.blockUser, [.id(user), .id(other), .instant(now()), .integer(Int64(Self.blockLimit))]),
            Step(.withdrawContactRequest, Self.pair(user, other) + [.id(user)]),
        ])
        guard results.first?.count == 0 else { return }
        let obstacles = try await obstacles(.blockObstacles, user, other)
        guard obstacles.hasBlocked || obstacles.count < Self.blockLimit else { throw .tooManyBlocks }
    }

    /// Ends a block; does nothing when there is none.
    /// - Throws: `rateLimited`, `unavailable`, `internal`.
    public func unblock(_ other: UserID, by user: UserID) async throws(AccountError) {
        try countChange(by: user)
        _ = try await commit([Step(.unblockUser, [.id(user), .id(other)])])
    }

    private func obstacles(
        _ statement: Statement, _ user: UserID, _ other: UserID
    ) async throws(AccountError) -> (hasBlocked: Bool, count: Int) {
        let rows = try await read(statement, [.id(user), .id(other)]) { row throws(DatabaseError) in
            (hasBlocked: try row.boolean("has_blocked"), count: Int(try row.integer("count")))
        }
        guard let row = rows.first else { throw .internal }
        return row
    }

    /// The two ids as the table of contacts has them.
    private static func pair(_ one: UserID, _ other: UserID) -> [SQLValue] {
        [.id(min(one, other)), .id(max(one, other))]
    }

    /// One row more than the page holds tells whether there are more.
    private static func page(of user: UserID, after: UserID?, limit: Int) -> [SQLValue] {
        [.id(user), .id(after ?? UserID(high: 0, low: 0)), .integer(Int64(limit + 1))]
    }
}

extension AccountService {
    /// Counts something that another person will see: by the hour in memory, by the day on disk.
    private func countContactRequest(by user: UserID) async throws(AccountError) {
        let now = now()
        let wait = attempts.withLockedValue { $0.contactRequests.attempt(user.description, now: now) }
        if let wait { throw .rateLimited(retryAfter: wait) }
        let untilTomorrow: Instant.Span?
        do {
            untilTomorrow = try await quotas.take(.contactRequests, of: user)
        } catch {
            throw accountError(error, at: "take_from_quota")
        }
        if let untilTomorrow { throw .usedUp(retryAfter: untilTomorrow) }
    }

    /// Counts a change of any kind that a user makes.
    /// - Throws: `rateLimited`.
    public func countChange(by user: UserID) throws(AccountError) {
        let now = now()
        let wait = attempts.withLockedValue { $0.changes.attempt(user.description, now: now) }
        if let wait { throw .rateLimited(retryAfter: wait) }
    }
}
