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
