import Crypto
import Primitives
import Testing

@testable import Accounts

@Suite(.timeLimit(.minutes(1))) struct AccessTokensTests {
    static let now = Instant(microseconds: 1_780_000_000_123_456)
    static let key = TokenKey.random()
    let user = UserID.random(at: now)
    let session = SessionID.random(at: now)
    let device = DeviceID.random(at: now)

    @Test func issuesWhatItVerifies() async throws {
        let tokens = await AccessTokens(key: Self.key)
        let fresh = try await tokens.issue(user: user, session: session, device: device, now: Self.now)
        #expect(fresh.expiresAt == Instant(microseconds: 1_780_000_600_000_000))
        #expect(fresh.token.exposed.utf8.count < AccessTokens.longestToken)
        let claims = try await tokens.verify(fresh.token, now: Self.now)
        #expect(
            claims
                == .init(
                    user: user, session: session, device: device,
                    issuedAt: Instant(microseconds: 1_780_000_000_000_000),
                    expiresAt: fresh.expiresAt))
        let again = try await tokens.issue(user: user, session: session, device: device, now: Self.now)
        #expect(again.token != fresh.token, "every token has an id of its own")
    }

    @Test(arguments: [
        (-6_000, false), (-5_000, true), (0, true), (600_000 + 4_000, true), (600_000 + 5_000, false),
        (86_400_000, false),
    ])
    func isGoodForItsTimeAlone(milliseconds: Int, isGood: Bool) async throws {
        let tokens = await AccessTokens(key: Self.key)
        let start = Instant(microseconds: 1_780_000_000_000_000)
        let fresh = try await tokens.issue(user: user, session: session, device: device, now: start)
        let later = start + .milliseconds(Int64(milliseconds))
        if isGood {
            _ = try await tokens.verify(fresh.token, now: later)
        } else {
            await expectRefusal(tokens, fresh.token.exposed, now: later)
        }
    }

    @Test func refusesAnotherKey() async throws {
        let tokens = await AccessTokens(key: Self.key)
        let others = await AccessTokens(key: .random())
        let fresh = try await others.issue(user: user, session: session, device: device, now: Self.now)
        await expectRefusal(tokens, fresh.token.exposed)
    }

    /// Each changes one thing in a token that is otherwise good and, where it says so, signed with the right key.
    @Test(arguments: [
        Forgery("none", header: #"{"alg":"none","typ":"JWT"}"#, signature: .missing),
        Forgery("none, signed", header: #"{"alg":"none","typ":"JWT"}"#),
        Forgery("HS512", header: #"{"alg":"HS512","typ":"JWT"}"#),
        Forgery("RS256", header: #"{"alg":"RS256","typ":"JWT"}"#),
        Forgery("lower case", header: #"{"alg":"hs256","typ":"JWT"}"#),
        Forgery("no algorithm", header: #"{"typ":"JWT"}"#),
        Forgery("other type", header: #"{"alg":"HS256","typ":"at+jwt"}"#),
        Forgery("critical extension", header: #"{"alg":"HS256","typ":"JWT","crit":["b64"],"b64":false}"#),
        Forgery("header is no object", header: #"["HS256"]"#),
        Forgery("other issuer", payload: ["iss": #""someone""#]),
        Forgery("no issuer", payload: ["iss": nil]),
        Forgery("other audience", payload: ["aud": #""someone""#]),
        Forgery("several audiences", payload: ["aud": #"["ringback","someone"]"#]),
        Forgery("no audience", payload: ["aud": nil]),
        Forgery("no user", payload: ["sub": nil]),
        Forgery("user is no id", payload: ["sub": #""42""#]),
        Forgery("no session", payload: ["sid": nil]),
        Forgery("no device", payload: ["did": nil]),
        Forgery("no token id", payload: ["jti": nil]),
        Forgery("never ends", payload: ["exp": nil]),
        Forgery("ends as text", payload: ["exp": #""1780000600""#]),
        Forgery("ends beyond all time", payload: ["exp": "9223372036854775807"]),
        Forgery("ends beyond all numbers", payload: ["exp": "1e400"]),
        Forgery("ends before it begins", payload: ["exp": "1779999999"]),
        Forgery("expired", payload: ["iat": "1779990000", "exp": "1779990600"]),
        Forgery("not yet", payload: ["iat": "1780000100"]),
        Forgery("begins before all time", payload: ["iat": "-1"]),
        Forgery("changed claim", payload: ["sub": #""00000000-0000-7000-8000-000000000001""#], signature: .ofOriginal),
        Forgery("no signature", signature: .missing),
        Forgery("half a signature", signature: .half),
        Forgery("spare bits of the signature", signature: .spareBits),
        Forgery("padding", signature: .padded),
    ])
    func refusesForgery(_ forgery: Forgery) async throws {
        let tokens = await AccessTokens(key: Self.key)
        let token = forgery.token(user: user, session: session, device: device, key: Self.key)
        await expectRefusal(tokens, token)
    }

    /// Our clock was set back since, or another server's is ahead: the holder refreshes, and need not log in.
    @Test func aTokenOfTheFutureHasExpired() async throws {
        let tokens = await AccessTokens(key: Self.key)
        let later = Self.now + .seconds(3600)
        let token = try await tokens.issue(user: user, session: session, device: device, now: later).token
        #expect(try await tokens.verify(token, now: later).user == user)
        await #expect(throws: AccountError.expired) { try await tokens.verify(token, now: Self.now) }
    }

    @Test func acceptsTheForgeryThatChangesNothing() async throws {
        let tokens = await AccessTokens(key: Self.key)
        let token = Forgery("nothing").token(user: user, session: session, device: device, key: Self.key)
        #expect(try await tokens.verify(Redacted(token), now: Self.now).user == user)
    }

    @Test func refusesEveryTruncation() async throws {
        let tokens = await AccessTokens(key: Self.key)
        let token = try await tokens.issue(user: user, session: session, device: device, now: Self.now).token.exposed
        for length in 0..<token.count { await expectRefusal(tokens, String(token.prefix(length))) }
    }

    @Test(arguments: [
        "", ".", "..", "...", "a.b.c", "a.b.c.d", String(repeating: ".", count: 1000),
        String(repeating: "A", count: 1_000_000),
        "\u{0}.\u{0}.\u{0}", "é.é.é", " . . ",
    ])
    func refusesWhatIsNoToken(text: String) async throws {
        await expectRefusal(await AccessTokens(key: Self.key), text)
    }

    @Test func refusesAHugeTokenThatIsSignedWell() async throws {
        let tokens = await AccessTokens(key: Self.key)
        let padding = #""\#(String(repeating: "x", count: 2000))""#
        let token = Forgery("huge", payload: ["pad": padding])
            .token(user: user, session: session, device: device, key: Self.key)
        await expectRefusal(tokens, token)
    }

    private func expectRefusal(
        _ tokens: AccessTokens, _ token: String, now: Instant = now, sourceLocation: SourceLocation = #_sourceLocation
    ) async {
        do {
            _ = try await tokens.verify(Redacted(token), now: now)
            Issue.record("was accepted", sourceLocation: sourceLocation)
        } catch {
            #expect(error.code == .unauthenticated, sourceLocation: sourceLocation)
        }
    }
}

/// A token put together by hand.
struct Forgery: Sendable, CustomTestStringConvertible {
    enum Signature { case right, missing, half, spareBits, padded, ofOriginal }

    var testDescription: String
    var header: String
    var changes: [String: String?]
    var signature: Signature

    init(
        _ name: String, header: String = #"{"alg":"HS256","typ":"JWT"}"#, payload changes: [String: String?] = [:],
        signature: Signature = .right
    ) {
        testDescription = name
        self.header = header
        self.changes = changes
        self.signature = signature
    }

    func token(user: UserID, session: SessionID, device: DeviceID, key: TokenKey) -> String {
        let claims: [String: String?] = [
            "iss": #""ringback""#, "aud": #""ringback""#, "sub": "\"\(user)\"", "sid": "\"\(session)\"",
            "did": "\"\(device)\"",
            "jti": #""00000000-0000-7000-8000-000000000000""#, "iat": "1780000000", "exp": "1780000600",
        ]
        let original = Self.signed(header, claims)
        let changed = Self.signed(header, claims.merging(changes) { $1 })
        func code(_ text: String) -> [UInt8] {
            Array(HMAC<SHA256>.authenticationCode(for: Array(text.utf8), using: SymmetricKey(data: key.bytes.exposed)))
        }
        let right = Base64URL.encode(code(changed))
        switch signature {
        case .right: return "\(changed).\(right)"
        case .missing: return "\(changed)."
        case .half: return "\(changed).\(right.prefix(20))"
        case .padded: return "\(changed).\(right)="
        case .ofOriginal: return "\(changed).\(Base64URL.encode(code(original)))"
        case .spareBits:
            let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
            let last = right.last.flatMap { alphabet.firstIndex(of: $0) } ?? 0
            return "\(changed).\(right.dropLast())\(alphabet[last | 1])"
        }
    }

    private static func signed(_ header: String, _ claims: [String: String?]) -> String {
        let fields = claims.compactMap { name, value in value.map { "\"\(name)\":\($0)" } }.joined(separator: ",")
        return Base64URL.encode(header.utf8) + "." + Base64URL.encode("{\(fields)}".utf8)
    }
}
