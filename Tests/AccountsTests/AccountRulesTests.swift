import Primitives
import Testing

@testable import Accounts

@Suite struct AccountRulesTests {
    @Test(arguments: ["abc", "A.b-c_9", "007", String(repeating: "x", count: 50)])
    func usernames(name: String) {
        #expect(AccountRules.isUsername(name))
    }

    @Test(arguments: [
        "", "ab", ".abc", "_abc", "-abc", "a b", "abc ", "abé", "abc\0", "a\u{301}bc", "a/b", "a@b", "%%%", "ＡＢＣ",
        String(repeating: "x", count: 51),
    ])
    func noUsernames(name: String) {
        let error = #expect(throws: AccountError.self) { try AccountRules.username(name) }
        #expect(error?.code == .invalid(.username))
    }

    @Test(arguments: [
        "12345678", String(repeating: "x", count: 72), String(repeating: "🔑", count: 18),
        // 72 bytes in Normalization Form C.
        String(repeating: "e\u{301}", count: 36),
    ])
    func passwords(password: String) throws {
        try AccountRules.password(Redacted(password))
    }

    @Test(arguments: [
        "", "1234567", String(repeating: "x", count: 73), String(repeating: "🔑", count: 19), "1234567\0",
        // 6 bytes, and 74, in Normalization Form C.
        "e\u{301}e\u{301}e\u{301}", String(repeating: "e\u{301}", count: 37),
        String(repeating: "e\u{301}", count: 1_000_000),
    ])
    func noPasswords(password: String) {
        let error = #expect(throws: AccountError.self) { try AccountRules.password(Redacted(password)) }
        #expect(error?.code == .invalid(.password))
    }

    @Test(arguments: [
        ("  Ada Lovelace \n", "Ada Lovelace"), ("", "ada"), (" \t ", "ada"), ("Ωμέγα 👩‍👩‍👧", "Ωμέγα 👩‍👩‍👧"),
        (String(repeating: "é", count: 100), String(repeating: "é", count: 100)),
    ])
    func displayNames(name: String, kept: String) throws {
        #expect(try AccountRules.displayName(name, username: "ada").text == kept)
    }

    @Test(arguments: [
        "a\nb", "a\0b", "a\u{7F}b", "a\u{85}b", "a\u{202E}b", "a\u{2066}b", String(repeating: "é", count: 101),
        "a" + String(repeating: "\u{301}", count: 101), "a\u{200B}b", "\u{3164}", "a\u{61C}b",
        String(repeating: " ", count: 100_000) + "a",
    ])
    func noDisplayNames(name: String) {
        let error = #expect(throws: AccountError.self) { try AccountRules.displayName(name, username: "ada") }
        #expect(error?.code == .invalid(.displayName))
    }

    @Test func cutsWhatIsOnlyShown() {
        #expect(AccountRules.kept("a\u{0}b\nc", limit: 10) == "abc")
        #expect(AccountRules.kept(String(repeating: "é", count: 600), limit: 500).unicodeScalars.count == 500)
    }
}

@Suite struct Base64URLTests {
    @Test(arguments: [
        ("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"), ("fooba", "Zm9vYmE"),
        ("foobar", "Zm9vYmFy"),
    ])
    func vectorsOfRFC4648(bytes: String, text: String) {
        #expect(Base64URL.encode(bytes.utf8) == text)
        #expect(Base64URL.decode(text.utf8) == Array(bytes.utf8))
    }

    @Test(arguments: ["Z", "Zh", "Zm9", "Zg==", "Zm9v\n", "Zm+v", "Zm/v", "Zmév", "AAAAA"])
    func oneTextForEachValue(text: String) {
        #expect(Base64URL.decode(text.utf8) == nil)
    }

    @Test func everyByte() {
        let bytes = (0...255).map { UInt8($0) }
        #expect(Base64URL.decode(Base64URL.encode(bytes).utf8) == bytes)
        #expect(Base64URL.encode([0xFB, 0xFF]) == "-_8")
    }
}

@Suite struct RefreshTokensTests {
    private let session = SessionID.random(at: Instant(microseconds: 1_780_000_000_000_000))
    private let tokens = RefreshTokens(key: .random())

    @Test func readsWhatItMade() throws {
        let fresh = tokens.make(for: session)
        #expect(tokens.read(fresh.token) == RefreshTokens.Content(session: session, hash: fresh.hash))
        #expect(fresh.token.exposed.hasPrefix("\(session)."))
        #expect(fresh.hash.count == 64)
        #expect(tokens.make(for: session).hash != fresh.hash)
        #expect(RefreshTokens(key: .random()).read(fresh.token) == nil)
    }

    @Test func refusesWhatOthersMade() throws {
        let fresh = tokens.make(for: session).token.exposed
        let parts = fresh.split(separator: ".").map(String.init)
        let other = tokens.make(for: session).token.exposed.split(separator: ".").map(String.init)
        let stranger = SessionID.random(at: Instant(microseconds: 1_780_000_000_000_000))
        for forged in [
            "", ".", "..", "\(parts[0]).\(parts[1])", "\(parts[0]).\(parts[1]).", "\(fresh).", "\(fresh)=", ".\(fresh)",
            "\(stranger).\(parts[1]).\(parts[2])", "\(parts[0]).\(other[1]).\(parts[2])",
            "\(parts[0].uppercased()).\(parts[1]).\(parts[2])", String(repeating: "A", count: 1_000_000),
        ] {
            #expect(tokens.read(Redacted(forged)) == nil, "\(forged.prefix(200))")
        }
    }

    @Test(arguments: [("", "", true), ("ab", "ab", true), ("ab", "ac", false), ("ab", "bb", false), ("ab", "a", false)])
    func comparesHashes(one: String, other: String, isEqual: Bool) {
        #expect(RefreshTokens.areEqual(one, other) == isEqual)
    }
}

@Suite struct AttemptLimiterTests {
    let start = Instant(microseconds: 1_780_000_000_000_000)

    @Test func takesBackWhatCameToNothing() {
        var limiter = AttemptLimiter(3, per: .seconds(30))
        for _ in 0..<100 {
            #expect(limiter.attempt("a", now: start) == nil)
            limiter.takeBack("a", now: start)
        }
        // It counts until it is taken back, and no key ever has more than its limit.
        for _ in 0..<3 { #expect(limiter.attempt("a", now: start) == nil) }
        #expect(limiter.attempt("a", now: start) != nil)
        for _ in 0..<10 { limiter.takeBack("a", now: start) }
        limiter.takeBack("nobody", now: start)
        for _ in 0..<3 { #expect(limiter.attempt("a", now: start) == nil) }
        #expect(limiter.attempt("a", now: start) == .seconds(10))
        #expect(limiter.size == 1)
    }

    @Test func limitsEachKeyAndForgives() {
        var limiter = AttemptLimiter(3, per: .seconds(30))
        for _ in 0..<3 { #expect(limiter.attempt("a", now: start) == nil) }
        #expect(limiter.attempt("a", now: start) == .seconds(10))
        #expect(limiter.attempt("b", now: start) == nil)
        #expect(limiter.attempt("a", now: start + .seconds(10)) == nil)
        #expect(limiter.attempt("a", now: start + .seconds(10)) == .seconds(10))
        limiter.forgive("a")
        #expect(limiter.attempt("a", now: start + .seconds(10)) == nil)
    }

    @Test func staysWithinItsCapacity() {
        var limiter = AttemptLimiter(3, per: .seconds(30), capacity: 100)
        for number in 0..<10_000 { _ = limiter.attempt("\(number)", now: start) }
        #expect(limiter.size <= 100)
        #expect(limiter.size >= 75)
    }

    @Test func keepsWhomItLimitsWhenOthersAreForgivenByTime() {
        var limiter = AttemptLimiter(3, per: .seconds(30), capacity: 100)
        for number in 0..<70 { _ = limiter.attempt("old \(number)", now: start) }
        let later = start + .seconds(60)
        for _ in 0..<4 { _ = limiter.attempt("a", now: later) }
        for number in 0..<40 { _ = limiter.attempt("new \(number)", now: later) }
        #expect(limiter.attempt("a", now: later) != nil)
    }

    @Test(arguments: [
        ("192.0.2.1", "192.0.2.1"), ("::ffff:192.0.2.1", "::ffff:192.0.2.1"), ("", ""),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"), ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("2001:DB8:0001:2::", "2001:db8:1:2::/64"), ("::1", "0:0:0:0::/64"), ("fe80::1%eth0", "fe80:0:0:0::/64"),
    ])
    func anIPv6NetworkIsOnePlace(address: String, place: String) {
        #expect(AttemptLimiter.place(of: address) == place)
    }
}
