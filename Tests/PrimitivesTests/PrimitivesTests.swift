import Primitives
import Testing

@Suite("Identifier")
struct IdentifierTests {
    @Test(
        "Text goes in and comes out",
        arguments: [
            "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff",
            "0192f3a4-5b6c-7d8e-9f01-23456789abcd",
        ])
    func roundTrip(_ text: String) {
        #expect(UserID(text)?.description == text)
        #expect(UserID(text.uppercased())?.description == text)
    }

    @Test(
        "Anything else is no id",
        arguments: [
            "", "-", "0192f3a45b6c7d8e9f0123456789abcd", "0192f3a4-5b6c-7d8e-9f01-23456789abc",
            "0192f3a4-5b6c-7d8e-9f01-23456789abcde", "0192f3a4-5b6c-7d8e-9f01-23456789abcg",
            "0192f3a4_5b6c_7d8e_9f01_23456789abcd", "{192f3a4-5b6c-7d8e-9f01-23456789abcd}",
            "０192f3a4-5b6c-7d8e-9f01-23456789abc",
        ])
    func malformed(_ text: String) {
        #expect(UserID(text) == nil)
    }

    @Test("Version, variant and time are where RFC 9562 §5.7 puts them")
    func version7() {
        let id = CallID(at: Instant(microseconds: 1_645_557_742_000_999), randomHigh: .max, randomLow: .max)
        #expect(id.description == "017f22e2-79b0-7fff-bfff-ffffffffffff")
        let earlier = CallID(at: Instant(microseconds: 1_645_557_741_999_999), randomHigh: .max, randomLow: .max)
        #expect(earlier < id)
    }
}

@Suite("Instant")
struct InstantTests {
    @Test(
        "RFC 3339 with milliseconds",
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"),
            (951_782_400_000_000, "2000-02-29T00:00:00.000Z"), (1_709_164_800_123_999, "2024-02-29T00:00:00.123Z"),
            (4_102_444_799_999_999, "2099-12-31T23:59:59.999Z"), (253_402_300_799_000_000, "9999-12-31T23:59:59.000Z"),
        ] as [(Int64, String)])
    func description(_ microseconds: Int64, _ text: String) {
        #expect(Instant(microseconds: microseconds).description == text)
    }

    @Test("The extremes do not trap")
    func extremes() {
        for microseconds in [Int64.min, Int64.max] {
            let instant = Instant(microseconds: microseconds)
            #expect(!instant.description.isEmpty)
            _ = instant + .seconds(1)
            _ = instant - .seconds(1)
            _ = instant - Instant(microseconds: ~microseconds)
        }
    }

    @Test("Days and dates agree over four centuries")
    func civilDates() {
        for day in stride(from: -80_000, through: 80_000, by: 7) {
            let date = CivilDate(daysSinceEpoch: day)
            #expect(CivilDate.daysSinceEpoch(year: date.year, month: date.month, day: date.day) == day)
        }
    }
}

@Suite("Token bucket")
struct TokenBucketTests {
    private let start = Instant(microseconds: 1_700_000_000_000_000)

    @Test("A burst, then the steady rate")
    func rate() {
        var bucket = TokenBucket(10, per: .seconds(1), burst: 3, now: start)
        let burst = (0..<4).map { _ in bucket.take(now: start) }
        #expect(burst == [true, true, true, false])
        #expect(bucket.wait(now: start) == .milliseconds(100))
        let early = bucket.take(now: start + .milliseconds(99))
        let inTime = bucket.take(now: start + .milliseconds(100))
        #expect(!early && inTime)
        #expect(!bucket.isFull(now: start + .milliseconds(399)))
        #expect(bucket.isFull(now: start + .milliseconds(400)))
    }

    @Test("Savings are bounded, and a clock that goes back takes nothing away")
    func clock() {
        var bucket = TokenBucket(1, per: .seconds(1), burst: 2, now: start)
        let later = start + .seconds(1_000_000)
        let saved = (0..<3).map { _ in bucket.take(now: later) }
        #expect(saved == [true, true, false])
        let backThen = (0..<3).map { _ in bucket.take(now: start) }
        #expect(backThen == [true, true, false])
    }
}

@Suite("Redacted")
struct RedactedTests {
    @Test("However it is printed, the value does not show")
    func printing() {
        let secret = Redacted("hunter2")
        var dumped = ""
        dump(secret, to: &dumped)
        for text in ["\(secret)", String(reflecting: secret), dumped, "\([secret])", "\(Optional(secret) as Any)"] {
            #expect(!text.contains("hunter2"))
        }
        #expect(secret.exposed == "hunter2")
    }
}

@Suite("Metrics")
struct MetricTests {
    @Test("Prometheus reads it")
    func exposition() {
        let family = MetricFamily(
            "calls_total", .counter, help: "Calls.", samples: [.init(3, labels: [("reason", "busy")]), .init(4)])
        #expect(
            family.exposition
                == "# HELP ringback_calls_total Calls.\n# TYPE ringback_calls_total counter\n"
                + "ringback_calls_total{reason=\"busy\"} 3\nringback_calls_total 4\n")
    }
}
