public import Primitives

/// A place in a list of things that come the newest first, and by their ids where they are of one moment: right after
/// this one. Clients hand it back as they were given it.
public struct PageCursor<Kind>: Sendable, Hashable {
    /// When the thing came to its place: what the list is ordered by.
    public let at: Instant
    /// The thing.
    public let id: Identifier<Kind>

    /// Names the place after a thing.
    public init(at: Instant, id: Identifier<Kind>) {
        self.at = at
        self.id = id
    }

    /// Before everything: the year 9999, which both databases know and nobody lives to see.
    public static var newest: Self {
        Self(at: Instant(microseconds: 253_402_300_799_000_000), id: Identifier(high: .max, low: .max))
    }

    /// What a statement asks for by it: the moment, then the id.
    public var values: [SQLValue] { [.instant(at), .id(id)] }
}

extension PageCursor: LosslessStringConvertible {
    /// Reads what `description` wrote; nil when it is anything else.
    public init?(_ description: String) {
        let parts = description.split(separator: "_", omittingEmptySubsequences: false)
        guard parts.count == 2, let microseconds = Int64(parts[0]), let id = Identifier<Kind>(parts[1]),
            (0...Self.newest.at.microseconds).contains(microseconds)
        else { return nil }
        self.init(at: Instant(microseconds: microseconds), id: id)
    }

    /// The cursor for a client to hand back.
    public var description: String { "\(at.microseconds)_\(id)" }
}
