public import Primitives

/// A position in a list that is ordered newest first, and by id for the same moment: right after this item. Clients
/// return it as they were given it.
public struct PageCursor<Kind>: Sendable, Hashable {
    /// The time by which the list is ordered.
    public let at: Instant
    /// The item's id.
    public let id: Identifier<Kind>

    /// Names the position after an item.
    public init(at: Instant, id: Identifier<Kind>) {
        self.at = at
        self.id = id
    }

    /// Before everything: the year 9999, which both databases support and nobody will live to see.
    public static var newest: Self {
        Self(at: Instant(microseconds: 253_402_300_799_000_000), id: Identifier(high: .max, low: .max))
    }

    /// A statement's parameters for it: the moment, then the id.
    public var values: [SQLValue] { [.instant(at), .id(id)] }
}

extension PageCursor: LosslessStringConvertible {
    /// Reads what `description` wrote; nil for anything else.
    public init?(_ description: String) {
        let parts = description.split(separator: "_", omittingEmptySubsequences: false)
        guard parts.count == 2, let microseconds = Int64(parts[0]), let id = Identifier<Kind>(String(parts[1])),
            (0...Self.newest.at.microseconds).contains(microseconds)
        else { return nil }
        self.init(at: Instant(microseconds: microseconds), id: id)
    }

    /// The cursor for a client to return.
    public var description: String { "\(at.microseconds)_\(id)" }
}
