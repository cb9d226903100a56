import Crypto
import FoundationEssentials
import Primitives

/// Makes and reads refresh tokens: `<session id>.<secret>.<code>`. The secret is 32 random bytes in base 64, the code
/// the HMAC SHA-256 of everything before it.
///
/// A token with a secret that is not valid ends its session. The code prevents those who know only a session's id from
/// making up such a token. The database holds only the secret's SHA-256, which is enough for a random secret: there is
/// nothing to guess.
struct RefreshTokens: Sendable {
    /// How many random bytes a secret has, and how many bytes a code.
    static let byteCount = 32
    /// Longer than any token of ours.
    private static let longestToken = 256

    /// A token with what is stored of it.
    struct Fresh: Sendable {
        var token: Redacted<String>
        var hash: String
    }

    /// What a genuine token says.
    struct Content: Sendable, Equatable {
        var session: SessionID
        /// What is stored of the token, if it is valid.
        var hash: String
    }

    private let key: SymmetricKey

    /// Creates a token maker, with its own key derived from the secret of the access tokens.
    init(key: TokenKey) {
        self.key = HKDF<SHA256>.deriveKey(
            inputKeyMaterial: SymmetricKey(data: key.bytes.exposed), info: Data("ringback refresh token".utf8),
            outputByteCount: Self.byteCount)
    }

    func make(for session: SessionID) -> Fresh {
        var generator = SystemRandomNumberGenerator()
        let secret = (0..<Self.byteCount).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        let text = "\(session).\(Base64URL.encode(secret))"
        let code = HMAC<SHA256>.authenticationCode(for: Array(text.utf8), using: key)
        return Fresh(token: Redacted("\(text).\(Base64URL.encode(code))"), hash: Self.hash(secret))
    }

    /// What a token says; nil when it was not made with our key.
    func read(_ token: Redacted<String>) -> Content? {
        let text = token.exposed.utf8
        guard text.count <= Self.longestToken else { return nil }
        let parts = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 3, let code = Base64URL.decode(parts[2]),
            HMAC<SHA256>.isValidAuthenticationCode(
                code, authenticating: Array(text.dropLast(parts[2].count + 1)), using: key),
            let session = SessionID(String(Substring(parts[0]))), let secret = Base64URL.decode(parts[1])
        else { return nil }
        return Content(session: session, hash: Self.hash(secret))
    }

    /// Whether two hashes are equal, in a time that does not reveal where they differ.
    static func areEqual(_ one: String, _ other: String) -> Bool {
        guard one.utf8.count == other.utf8.count else { return false }
        return zip(one.utf8, other.utf8).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
    }

    /// SHA-256 in lower-case hexadecimal digits.
    private static func hash(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(
            decoding: SHA256.hash(data: bytes).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
