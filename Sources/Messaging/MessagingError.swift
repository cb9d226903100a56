public import Primitives
import Storage

/// Why something about messages was not done.
public struct MessagingError: Error, Sendable, Equatable {
    /// What a caller can act upon.
    public enum Code: Sendable, Hashable {
        /// A field is malformed; nothing was changed.
        case invalid(Field)
        /// There is no such thing, or the caller may not know of it.
        case notFound
        /// The caller may not do this.
        case forbidden
        /// It conflicts with what exists: the group is full.
        case conflict
        /// The body is longer than 16 KiB.
        case tooLarge
        /// The caller's daily quota is used up.
        case rateLimited(retryAfter: Instant.Span)
        /// The database is unreachable. To find out whether the message was stored, send it again with the same client
        /// message id.
        case unavailable
        /// An internal error of the server.
        case `internal`
    }

    /// The fields that can be malformed.
    public enum Field: String, Sendable, Hashable {
        case body
        case userID
        case name
        case memberIDs
        case role
    }

    /// What a caller can act upon.
    public var code: Code
    /// What to do, for people.
    public var message: String

    /// Makes an error.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }
}

extension MessagingError: CustomStringConvertible {
    /// The code and the message.
    public var description: String { "\(code): \(message)" }
}

extension MessagingError {
    static let emptyBody = MessagingError(.invalid(.body), "The message is empty. Write something.")
    static let nulInBody = MessagingError(.invalid(.body), "A message cannot hold a NUL character. Leave it out.")
    static let tooLarge = MessagingError(.tooLarge, "The message is longer than 16 KiB. Send it in parts.")
    static let toOneself = MessagingError(.invalid(.userID), "You cannot write to yourself. Choose somebody else.")
    static let noConversation = MessagingError(.notFound, "There is no such conversation.")
    static let noUser = MessagingError(.notFound, "There is no such user.")
    static let noInvitation = MessagingError(.notFound, "There is no such invitation.")
    static let noMember = MessagingError(.notFound, "There is no such member.")
    static let notAdmin = MessagingError(.forbidden, "Only the owner and admins of a group may do this.")
    static let notOwner = MessagingError(.forbidden, "Only the owner of a group may do this.")
    static let ownerForLife = MessagingError(
        .invalid(.role), "The owner of a group cannot get another role. Others can be admins or members.")
    static let badGroupName = MessagingError(
        .invalid(.name),
        "The name of a group has 1 to \(GroupRules.nameLimit) characters, at least one of them visible, and no hidden ones."
    )
    static let groupTooLarge = MessagingError(
        .invalid(.memberIDs), "A group has at most \(GroupRules.memberLimit) members.")
    static let groupFull = MessagingError(.conflict, "The group is full. Ask its owner to make room.")
    static let unavailable = MessagingError(
        .unavailable, "The server cannot reach its data. Send it again in a moment.")
    static let `internal` = MessagingError(
        .internal, "An error occurred in the server. Try again, and tell the operator.")

    static func usedUp(_ kind: QuotaKind, retryAfter: Instant.Span) -> MessagingError {
        let what =
            switch kind {
            case .groups: "groups that you may create"
            case .invitations: "people whom you may invite"
            case .messages, .messageBytes, .contactRequests, .rings: "messages that you may send"
            }
        let minutes = max(1, (retryAfter.milliseconds + 59_999) / 60_000)
        return MessagingError(
            .rateLimited(retryAfter: retryAfter),
            "You have reached today's limit of \(what). "
                + "Try again in \(minutes / 60) h \(minutes % 60) min.")
    }
}
