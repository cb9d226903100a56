public import Primitives
import Storage

/// Somebody whom a user knows, or who has asked to be known, as that user sees it.
public struct Contact: Sendable, Equatable {
    /// The relationship between the two.
    public enum Status: Sendable, Equatable {
        /// The user has asked. It stays so when the other rejects the request or never learns of it.
        case requested
        /// The other has asked.
        case received
        /// Both have agreed.
        case accepted
    }

    /// The other one.
    public var profile: Profile
    /// The relationship.
    public var status: Status
    /// When the request was made.
    public var createdAt: Instant

    init(row: Row, seenBy user: UserID) throws(DatabaseError) {
        profile = try Profile(row: row)
        createdAt = try row.instant("created_at")
        let isOwnRequest = try row.id("requester_id") == user
        status = try row.text("status") == "accepted" ? .accepted : isOwnRequest ? .requested : .received
    }
}

/// A page of a list of people.
public struct PeoplePage<Item: Sendable>: Sendable {
    /// By the other user's id.
    public var items: [Item]
    /// Where the next page begins: after this user. Nil at the end.
    public var next: UserID?

    /// Makes a page from rows; one more than the page holds was requested.
    init(_ rows: [Item], limit: Int, id: (Item) -> UserID) {
        items = Array(rows.prefix(limit))
        next = rows.count > limit ? items.last.map(id) : nil
    }
}
