import Crypto
import FoundationEssentials
import JWTKit
public import Primitives

/// Makes and checks access tokens: JSON Web Tokens (RFC 7519) with HMAC SHA-256, following RFC 8725.
public struct AccessTokens: Sendable {
    /// What a valid token says.
    public struct Claims: Sendable, Equatable {
        /// Who it is for.
        public var user: UserID
        /// The session that it belongs to.
        public var session: SessionID
        /// The device that it was given to.
        public var device: DeviceID
        /// When it was made; whole seconds.
        public var issuedAt: Instant
        /// When it ends; whole seconds.
        public var expiresAt: Instant
    }

    /// A token that was just made.
    public struct Fresh: Sendable {
        /// The token.
        public var token: Redacted<String>
        /// When it ends; whole seconds.
        public var expiresAt: Instant
    }

    /// How far the clocks of two servers may differ.
    static let leeway = Instant.Span.seconds(5)
    /// Longer than any token of ours, and short enough to be read without concern.
    static let longestToken = 1024
    private static let issuer = "ringback"
    /// The audience of tokens; one for another service is refused, even if it is signed with our key (RFC 8725 §3.9).
    private static let audience = "ringback"
    private static let algorithm = "HS256"

    /// Makes refresh tokens with the same secret.
    let refreshTokens: RefreshTokens
    private let keys: JWTKeyCollection
    private let lifetime: Instant.Span

    /// Creates a token maker.
    /// - Parameters:
    ///   - key: The secret; every server on the same database has the same.
    ///   - lifetime: How long a token is valid, in whole seconds.
    public init(key: TokenKey, lifetime: Instant.Span = .seconds(600)) async {
        refreshTokens = RefreshTokens(key: key)
        keys = JWTKeyCollection()
        await keys.add(hmac: HMACKey(key: SymmetricKey(data: key.bytes.exposed)), digestAlgorithm: .sha256)
        self.lifetime = lifetime
    }

    /// Makes a token.
    /// - Parameter lifetime: How long it is valid, if not as long as usual.
    public func issue(
        user: UserID, session: SessionID, device: DeviceID, now: Instant, lifetime: Instant.Span? = nil
    ) async throws(AccountError) -> Fresh {
        let issuedAt = now.microseconds / 1_000_000
        let expiresAt = issuedAt + max(1, (lifetime ?? self.lifetime).milliseconds / 1000)
        let payload = Payload(
            iss: Self.issuer, aud: Self.audience, sub: user.description, sid: session.description,
            did: device.description,
            jti: Identifier<AccessTokens>.random(at: now).description, iat: issuedAt, exp: expiresAt)
        do {
            let token = try await keys.sign(payload)
            return Fresh(token: Redacted(token), expiresAt: Instant(microseconds: expiresAt * 1_000_000))
        } catch {
            throw .internal
        }
    }

    /// What a token says, if it is one of ours and valid.
    /// - Throws: `expired` for one of ours that is no longer valid, or not yet; `unauthenticated` for everything else.
    public func verify(_ token: Redacted<String>, now: Instant) async throws(AccountError) -> Claims {
        let text = token.exposed
        guard text.utf8.count <= Self.longestToken else { throw .unauthenticated }
        let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 3, let header = Base64URL.decode(parts[0]), Base64URL.decode(parts[1]) != nil,
            Base64URL.decode(parts[2])?.count == 32
        else { throw .unauthenticated }
        let payload: Payload
        do {
            // The algorithm is our choice, not the token's (RFC 8725 §3.1); JWTKit never checks the header for it.
            let fields = try JSONDecoder().decode(Header.self, from: Data(header))
            guard fields.alg == Self.algorithm, fields.typ == nil || fields.typ == "JWT", fields.crit == nil else {
                throw AccountError.unauthenticated
            }
            payload = try await keys.verify(text)
        } catch {
            throw .unauthenticated
        }
        guard payload.iss == Self.issuer, payload.aud == Self.audience, let user = UserID(payload.sub),
            let session = SessionID(payload.sid),
            let device = DeviceID(payload.did), let issuedAt = Self.instant(payload.iat),
            let expiresAt = Self.instant(payload.exp), issuedAt < expiresAt
        else { throw .unauthenticated }
        // The signature is ours, so a token from the future was made before our clock was set back, or by a server
        // whose clock is ahead. It is useless, but its holder need not log in again.
        guard issuedAt <= now + Self.leeway, now < expiresAt + Self.leeway else { throw .expired }
        return Claims(user: user, session: session, device: device, issuedAt: issuedAt, expiresAt: expiresAt)
    }

    /// A NumericDate of this era, up to the year 9999.
    private static func instant(_ seconds: Int64) -> Instant? {
        guard (0...253_402_300_799).contains(seconds) else { return nil }
        return Instant(microseconds: seconds * 1_000_000)
    }

    private struct Header: Decodable {
        var alg: String
        var typ: String?
        var crit: [String]?
    }

    private struct Payload: JWTPayload {
        var iss: String
        var aud: String
        var sub: String
        var sid: String
        var did: String
        var jti: String
        var iat: Int64
        var exp: Int64

        /// The claims are checked by `verify(_:now:)`, which knows the time.
        func verify(using algorithm: some JWTAlgorithm) {}
    }
}
