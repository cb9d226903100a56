import Primitives
import Testing

@testable import Storage

@Suite(.timeLimit(.minutes(1)))
struct QuotaTests {
    @Test func aDayIsTakenInPortions() {
        var allowance = DailyAllowance(day: 1)
        // The first is spent before anything is known, and is taken with the same amount again.
        #expect(allowance.spend(3, on: 1, portion: 10) == .spentTaking(10))
        // One request at a time.
        #expect(allowance.spend(3, on: 1, portion: 10) == .spent)
        allowance.answer(10, on: 1)
        #expect(allowance.spend(1, on: 1, portion: 10) == .spentTaking(10))
        allowance.fail(on: 1)
        #expect(allowance.spend(3, on: 1, portion: 10) == .spentTaking(10))
        allowance.answer(nil, on: 1)
        // The quota is used up; what was taken can still be spent, and so can what was returned.
        #expect(allowance.spend(1, on: 1, portion: 10) == .refused)
        allowance.giveBack(2, on: 1)
        #expect(allowance.spend(3, on: 1, portion: 10) == .refused)
        #expect(allowance.spend(2, on: 1, portion: 10) == .spent)
        #expect(allowance.spend(1, on: 1, portion: 10) == .refused)
        // A day later everything starts over, and yesterday's answers are ignored.
        #expect(allowance.spend(1, on: 2, portion: 10) == .spentTaking(10))
        allowance.answer(nil, on: 1)
        allowance.fail(on: 1)
        allowance.giveBack(1, on: 1)
        #expect(allowance.spend(1, on: 2, portion: 10) == .spent)
    }

    @Test func oneThatIsLargerThanAPortionIsTakenWhole() {
        var allowance = DailyAllowance(day: 1)
        #expect(allowance.spend(100, on: 1, portion: 10) == .spentTaking(200))
        allowance.answer(200, on: 1)
        #expect(allowance.spend(100, on: 1, portion: 10) == .spentTaking(100))
        allowance.answer(nil, on: 1)
        #expect(allowance.spend(1, on: 1, portion: 10) == .refused)
    }

    private func isTaken(_ amount: Int64, _ user: UserID, day: Int64, _ test: TestDatabase) async throws -> Bool {
        let values: [SQLValue] = [.id(user), .integer(day), .text("messages"), .integer(amount), .integer(100)]
        return try await test.database.commit(WriteUnit([Step(.takeFromQuota, values)]))[0].rows.count == 1
    }

    @Test(arguments: DatabaseEngine.tested)
    func aQuotaIsNeverExceeded(_ engine: DatabaseEngine) async throws {
        try await withDatabase(engine) { test in
            let (ann, bob) = (try await test.database.addUser("ann"), try await test.database.addUser("bob"))
            for (amount, fits) in [(60, true), (41, false), (40, true), (1, false), (101, false)] as [(Int64, Bool)] {
                #expect(try await isTaken(amount, ann, day: 7, test) == fits, "\(amount)")
            }
            #expect(try await isTaken(100, bob, day: 7, test))
            #expect(try await isTaken(100, ann, day: 8, test))
            #expect(try await !isTaken(101, ann, day: 9, test))
            // For an unknown user nothing is written, and nothing fails.
            #expect(try await !isTaken(1, fresh(), day: 7, test))
            _ = try await test.database.commit(WriteUnit([Step(.forgetEarlierUsage, [.id(ann), .integer(8)])]))
            let days = Statement("test_usage_days", "SELECT day FROM daily_usage ORDER BY day, user_id")
            #expect(try await test.database.query(days, []).map { try $0.integer("day") } == [7, 8])
        }
    }

    @Test(arguments: DatabaseEngine.tested)
    func serversShareAQuota(_ engine: DatabaseEngine) async throws {
        try await withDatabase(engine) { test in
            let ann = try await test.database.addUser("ann")
            let other = engine == .postgresql ? try test.another() : test.database
            var limits = QuotaLimits()
            (limits.messages, limits.groups) = (1000, 10)
            let servers = [test.database, other].map { database in
                DailyQuotas(database: database, limits: limits, now: { moment(0) })
            }
            var counts = (messages: 0, groups: 0)
            for number in 0..<1100 {
                let server = servers[number % 2]
                if server.spend(.messages, of: ann) == nil { counts.messages += 1 }
                // Requests that wait at the database are answered before this one.
                if number % 5 == 0, try await server.take(.groups, of: ann) == nil { counts.groups += 1 }
            }
            #expect(counts.groups == 10)
            #expect((980...1010).contains(counts.messages), "\(counts.messages)")
            let wait = try #require(servers[0].spend(.messages, of: ann))
            let day = 86_400_000_000 as Int64
            #expect(wait.microseconds == day - moment(0).microseconds % day)
            if engine == .postgresql { await other.close() }
        }
    }
}
