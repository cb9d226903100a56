import Crypto
public import Primitives

/// Refresh tokens: 32 random bytes in base 64. The database holds their SHA-256 alone, which is enough for a random
/// secret: there is nothing to guess.
public enum RefreshTokens {
    /// How many random bytes a token has.
    static let byteCount = 32

    /// A token with what is stored of it.
    struct Fresh: Sendable {
        var token: Redacted<String>
        var hash: String
    }

    static func make() -> Fresh {
        var generator = SystemRandomNumberGenerator()
        let bytes = (0..<byteCount).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        return Fresh(token: Redacted(Base64URL.encode(bytes)), hash: hash(bytes))
    }

    /// What is stored of a token, or nil when the text cannot be one.
    public static func hash(of token: Redacted<String>) -> String? {
        let text = token.exposed.utf8
        guard text.count == 43, let bytes = Base64URL.decode(text), bytes.count == byteCount else { return nil }
        return hash(bytes)
    }

    /// SHA-256 in lower-case hexadecimal digits.
    private static func hash(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(
            decoding: SHA256.hash(data: bytes).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
