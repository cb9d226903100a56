import Primitives

/// What is stored of a session's refresh tokens, and what the use of one of them means. Tokens are identified by
/// hashes.
///
/// Each token is exchanged for the next. The answer may be lost, so a token is valid for one repeat, for a moment and
/// as long as nothing that resulted from it has been used; the repeat gives a second token beside the first. Nobody
/// knows which of the two the client has: the one used first continues the chain, and the other is void. Any other use
/// of an exchanged token means that two parties hold it, and ends the session.
struct RefreshChain: Sendable, Equatable {
    /// How long after an exchange it may be repeated.
    static let repeatSpan = Instant.Span.seconds(10)

    /// What the last exchange gave.
    var current: String
    /// What its repeat gave, if there was one.
    var repeated: String?
    /// The token that was exchanged, as long as it may be repeated.
    var previous: String?
    /// When the last exchange or repeat was.
    var exchangedAt: Instant

    /// What the use of a token means.
    enum Use: Sendable, Equatable {
        /// The session goes on with this.
        case exchange(RefreshChain)
        /// Two parties hold the token, or it can no longer be repeated.
        case reuse
    }

    /// What the use of a genuine token of the session means.
    /// - Parameter successor: The token that will result from it.
    func use(of token: String, for successor: String, now: Instant) -> Use {
        if isSame(token, current) || isSame(token, repeated) {
            return .exchange(RefreshChain(current: successor, previous: token, exchangedAt: now))
        }
        // A clock that was set back does not make the moment longer.
        let moment = (exchangedAt - Self.repeatSpan)..<(exchangedAt + Self.repeatSpan)
        guard isSame(token, previous), moment.contains(now) else { return .reuse }
        return .exchange(RefreshChain(current: current, repeated: successor, exchangedAt: now))
    }

    /// Whether a token can be exchanged.
    func holds(_ token: String) -> Bool {
        isSame(token, current) || isSame(token, repeated)
    }

    private func isSame(_ token: String, _ stored: String?) -> Bool {
        stored.map { RefreshTokens.areEqual(token, $0) } ?? false
    }
}
