import Crypto
import FoundationEssentials
import Primitives

/// A user's right to use a TURN server for a while, by the convention that TURN servers call their REST API
/// (draft-uberti-behave-turn-rest-00): the server needs nothing but the secret to see that we gave it.
struct TURNCredential: Sendable, Equatable {
    /// The moment at which it expires, in seconds since 1970, a colon, and the user's id.
    let username: String
    /// HMAC-SHA1 of the username under the secret, in base64.
    let credential: Redacted<String>
    /// No server accepts it from this moment on; a whole second.
    let expiresAt: Instant

    /// Makes a credential.
    /// - Parameters:
    ///   - secret: The secret that the TURN server knows, too (`static-auth-secret` of coturn).
    ///   - user: Who gets the credential.
    ///   - now: The current time of the wall clock.
    ///   - lifetime: How long it is valid, rounded down to whole seconds.
    static func minted(
        with secret: Redacted<String>, for user: UserID, at now: Instant, lifetime: Instant.Span
    ) -> TURNCredential {
        let seconds = (now + lifetime).milliseconds / 1000
        let username = "\(seconds):\(user)"
        let key = SymmetricKey(data: Array(secret.exposed.utf8))
        // TURN servers understand only SHA-1. The known attacks on it do not affect its HMAC (RFC 6194 §3.3).
        let code = HMAC<Insecure.SHA1>.authenticationCode(for: Array(username.utf8), using: key)
        return TURNCredential(
            username: username, credential: Redacted(Data(code).base64EncodedString()),
            expiresAt: Instant(microseconds: seconds * 1_000_000))
    }
}
