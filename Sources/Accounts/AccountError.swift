public import Primitives

/// Why something about accounts was not done.
public struct AccountError: Error, Sendable, Equatable {
    /// What a caller can act upon.
    public enum Code: Sendable, Hashable {
        /// A field is malformed; nothing was changed.
        case invalid(Field)
        /// The username is taken, ignoring case.
        case usernameTaken
        /// There is no such user or the password is wrong; the error does not tell which.
        case badCredentials
        /// The token is missing, malformed, expired, used up or revoked.
        case unauthenticated
        /// The account is suspended.
        case suspended
        /// There is no such thing, or the caller may not know of it.
        case notFound
        /// It conflicts with what already exists: the user's own block, or too many of a kind.
        case conflict
        /// Too many attempts with this username or from this address, or too many requests of one user.
        case rateLimited(retryAfter: Instant.Span)
        /// Too many passwords are waiting to be checked.
        case overloaded
        /// The database is unreachable.
        case unavailable
        /// An internal error of the server.
        case `internal`
    }

    /// The fields that can be malformed.
    public enum Field: String, Sendable, Hashable {
        case username
        case password
        case displayName
        case deviceName
        case query
        case lifetime
        case userID
        case pushToken
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

extension AccountError: CustomStringConvertible {
    /// The code and the message.
    public var description: String { "\(code): \(message)" }
}

extension AccountError {
    static let usernameTaken = AccountError(.usernameTaken, "This username is taken. Choose another one.")
    static let lookalike = AccountError(
        .invalid(.displayName), "This display name looks like somebody else's. Choose another one.")
    static let badCredentials = AccountError(
        .badCredentials, "Wrong username or password. Check both and try again.")
    static let unauthenticated = AccountError(.unauthenticated, "You are signed out. Log in again.")
    static let expired = AccountError(.unauthenticated, "The access token has expired. Refresh it.")
    static let suspended = AccountError(.suspended, "This account is suspended. Ask the operator of this server.")
    static let overloaded = AccountError(.overloaded, "The server is busy. Try again in a few seconds.")
    static let unavailable = AccountError(.unavailable, "The server cannot reach its data. Try again in a moment.")
    static let `internal` = AccountError(
        .internal, "An error occurred in the server. Try again, and tell the operator.")

    static let oneself = AccountError(.invalid(.userID), "user_id is yourself. Name somebody else.")
    static let ownBlock = AccountError(.conflict, "You have blocked this person. Unblock them first.")
    static let tooManyContacts = AccountError(
        .conflict, "You have asked too many people to be your contacts. Remove one first.")
    static let tooManyBlocks = AccountError(.conflict, "You have blocked too many people. Unblock one first.")

    static func notFound(_ what: String) -> AccountError {
        AccountError(.notFound, "There is no such \(what).")
    }

    static func usedUp(retryAfter: Instant.Span) -> AccountError {
        let minutes = max(1, (retryAfter.milliseconds + 59_999) / 60_000)
        return AccountError(
            .rateLimited(retryAfter: retryAfter),
            "You have reached today's limit of contact requests. "
                + "Try again in \(minutes / 60) h \(minutes % 60) min.")
    }

    static func rateLimited(retryAfter: Instant.Span) -> AccountError {
        let seconds = max(1, (retryAfter.milliseconds + 999) / 1000)
        return AccountError(
            .rateLimited(retryAfter: retryAfter), "Too many attempts. Try again in \(seconds) seconds.")
    }
}
