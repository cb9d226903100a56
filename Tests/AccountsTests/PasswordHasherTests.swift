import Primitives
import Testing

@testable import Accounts

@Suite(.timeLimit(.minutes(1))) struct PasswordHasherTests {
    let hasher = PasswordHasher(cost: 10)

    /// From the test program of Openwall's crypt_blowfish, which defined `$2b$` and `$2y$`.
    @Test(arguments: [
        ("$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U"),
        ("$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK", "U*U*"),
        ("$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a", "U*U*U"),
        ("$2a$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy", ""),
        (
            "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui",
            "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
        ),
        ("$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U"),
        ("$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U"),
    ])
    func knownVectors(hash: String, password: String) async throws {
        let verdict = try await hasher.verify(Redacted(password), against: hash)
        #expect(verdict == .init(matches: true, wantsRehash: true))
        let wrong = try await hasher.verify(Redacted("x" + password.dropFirst(1)), against: hash)
        #expect(!wrong.matches)
    }

    @Test func hashesWithItsCostAndANewSalt() async throws {
        let password = Redacted("correct horse 🐎")
        let first = try await hasher.hash(password)
        let second = try await hasher.hash(password)
        #expect(first.hasPrefix("$2b$10$"))
        #expect(first != second)
        #expect(try await hasher.verify(password, against: first) == .init(matches: true, wantsRehash: false))
        #expect(try await hasher.verify(Redacted("correct horse"), against: first).matches == false)
        #expect(try await PasswordHasher(cost: 11).verify(password, against: first).wantsRehash)
    }

    @Test func refusesWhatBcryptWouldCut() async throws {
        let longest = String(repeating: "é", count: 36)
        let hash = try await hasher.hash(Redacted(longest))
        #expect(try await hasher.verify(Redacted(longest), against: hash).matches)
        // bcrypt itself would take these for the same password.
        #expect(try await hasher.verify(Redacted(longest + "x"), against: hash).matches == false)
        #expect(try await hasher.verify(Redacted(longest + "\0"), against: hash).matches == false)
        for password in [longest + "x", "12345678\0"] {
            await #expect(throws: PasswordHasher.Failure(code: .unusable, message: "too long, or a NUL in it")) {
                _ = try await hasher.hash(Redacted(password))
            }
        }
    }

    @Test(arguments: [
        nil, "", "!", "$1$abc", String(repeating: "x", count: 60), "$2b$32$" + String(repeating: ".", count: 53),
    ])
    func computesAsMuchWithoutAHash(hash: String?) async throws {
        let before = hasher.computed.value
        let verdict = try await hasher.verify(Redacted("12345678"), against: hash)
        #expect(verdict == .init(matches: false, wantsRehash: false))
        #expect(hasher.computed.value == before + 1)
    }

    /// A hash cheaper than today's, a dearer one, one of today's cost, and none: a failure takes as long for all of
    /// them.
    @Test(arguments: [
        nil, "!", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", cheap, today, dear,
    ])
    func aFailureCostsTheSameWhateverIsStored(hash: String?) async throws {
        hasher.expect(hashesOfCost: 11)
        let verdict = try await hasher.verify(Redacted("12345678"), against: hash)
        #expect(verdict == .init(matches: false, wantsRehash: false))
        #expect(hasher.rounds.value == 1 << 11)
    }

    private static let salt = ".CCCCCCCCCCCCCCCCCCCCC"
    private static let cheap = Bcrypt.hash("another one", salt: "$2b$04$\(salt)") ?? ""
    private static let today = Bcrypt.hash("another one", salt: "$2b$10$\(salt)") ?? ""
    private static let dear = Bcrypt.hash("another one", salt: "$2b$11$\(salt)") ?? ""

    /// The first hash of a higher cost is the last that can be told from others.
    @Test func learnsWhatStoredHashesCost() async throws {
        _ = try await hasher.verify(Redacted("12345678"), against: nil)
        #expect(hasher.rounds.value == 1 << 10)
        #expect(try await hasher.verify(Redacted("another one"), against: Self.dear).wantsRehash, "dearer than today's")
        let before = hasher.rounds.value
        _ = try await hasher.verify(Redacted("12345678"), against: nil)
        #expect(hasher.rounds.value == before + 1 << 11)
        // A cost that can't be set is not waited for.
        hasher.expect(hashesOfCost: 31)
        hasher.expect(hashesOfCost: 4)
    }

    /// Swift considers the two equal; bcrypt sees bytes.
    @Test func aPasswordIsTheSameFromEveryKeyboard() async throws {
        let composed = Redacted("caf\u{E9} cr\u{E8}me")
        let decomposed = Redacted("cafe\u{301}\u{A0}cre\u{300}me")
        let hash = try await hasher.hash(decomposed)
        for password in [composed, decomposed] {
            #expect(try await hasher.verify(password, against: hash) == .init(matches: true, wantsRehash: false))
        }
        // From an older version, which hashed what was typed.
        let old = try #require(Bcrypt.hash(decomposed.exposed, salt: "$2b$10$\(Self.salt)"))
        #expect(try await hasher.verify(decomposed, against: old) == .init(matches: true, wantsRehash: true))
        #expect(try await hasher.verify(composed, against: old).matches == false)
        // 48 bytes as typed and 96 in Normalization Form C, which has no composed form of this letter.
        let long = String(repeating: "\u{958}", count: 16)
        let longest = try #require(Bcrypt.hash(long, salt: "$2b$10$\(Self.salt)"))
        #expect(try await hasher.verify(Redacted(long), against: longest) == .init(matches: true, wantsRehash: true))
    }

    /// Two forms are tried, whoever's password it might be.
    @Test(arguments: [nil, cheap, today]) func aSecondFormCostsTheSameForAll(hash: String?) async throws {
        _ = try await hasher.verify(Redacted("cafe\u{301} au lait"), against: hash)
        #expect(hasher.rounds.value == 2 << 10)
    }

    @Test func costIsBounded() {
        #expect(PasswordHasher(cost: 4).cost == 10)
        #expect(PasswordHasher(cost: 12).cost == 12)
        #expect(PasswordHasher(cost: 40).cost == 20)
    }

    @Test func turnsAwayWhatDoesNotFitTheQueue() async throws {
        let hasher = PasswordHasher(cost: 10, threads: 1, queueLimit: 2)
        let outcomes = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<12 {
                group.addTask {
                    do throws(PasswordHasher.Failure) {
                        _ = try await hasher.hash(Redacted("12345678"))
                        return true
                    } catch {
                        #expect(error.code == .overloaded)
                        return false
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        let refused = outcomes.filter { !$0 }.count
        #expect(refused > 0 && refused < 12)
        #expect(hasher.turnedAway.value == refused)
        #expect(hasher.computed.value == 12 - refused)
    }
}
