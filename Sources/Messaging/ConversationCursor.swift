import Primitives

/// A place in a list of conversations, or of invitations into them: right after this one.
public struct ConversationCursor: Sendable, Hashable, LosslessStringConvertible {
    /// When the conversation was last used; of an invitation, when it was made.
    let at: Instant
    let conversation: ConversationID

    /// Before everything: the year 9999, which both databases know and nobody lives to see.
    static let newest = ConversationCursor(
        at: Instant(microseconds: 253_402_300_799_000_000), conversation: ConversationID(high: .max, low: .max))

    init(at: Instant, conversation: ConversationID) {
        self.at = at
        self.conversation = conversation
    }

    /// Reads what `description` wrote; nil when it is anything else.
    public init?(_ description: String) {
        let parts = description.split(separator: "_", omittingEmptySubsequences: false)
        guard parts.count == 2, let microseconds = Int64(parts[0]), let conversation = ConversationID(parts[1]),
            (0...Self.newest.at.microseconds).contains(microseconds)
        else { return nil }
        self.init(at: Instant(microseconds: microseconds), conversation: conversation)
    }

    /// The cursor for a client to hand back.
    public var description: String { "\(at.microseconds)_\(conversation)" }
}
