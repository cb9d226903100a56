import Primitives
import Testing

@testable import loadtest

@Suite("Statistics")
struct StatisticsTests {
    private let measure = Measure(key: "k", title: "t")

    @Test("Percentiles of 1 to 1000 ms")
    func percentiles() throws {
        var statistics = Statistics([measure])
        for millisecond in (1...1000).reversed() { statistics.record(measure, .milliseconds(Int64(millisecond))) }
        let latency = try #require(statistics.latency(measure))
        #expect(latency.count == 1000)
        // Three significant digits.
        #expect(abs(latency.p50 - 500) <= 0.5)
        #expect(abs(latency.p90 - 900) <= 0.9)
        #expect(abs(latency.p99 - 990) <= 1)
        #expect(abs(latency.max - 1000) <= 1)
    }

    @Test("Nothing measured is nil, and out-of-range values are clamped")
    func edges() throws {
        var statistics = Statistics([measure])
        #expect(statistics.latency(measure) == nil)
        statistics.record(measure, .milliseconds(-5))
        statistics.record(measure, .seconds(100_000))
        let latency = try #require(statistics.latency(measure))
        #expect(latency.count == 2)
        #expect(latency.p50 == 0)
        #expect(abs(latency.max - 3_600_000) < 3600)
    }

    @Test("The achieved rate never exceeds the requested one")
    func rate() {
        let schedule = Schedule(start: Instant(microseconds: 5_000_000), rate: 2, seconds: 2)
        var statistics = Statistics([measure])
        #expect(statistics.achievedRate(of: schedule) == 0)
        for _ in 0..<4 { statistics.complete(now: schedule.end) }
        #expect(statistics.achievedRate(of: schedule) == 2)
        statistics.complete(now: schedule.start + .seconds(10))
        #expect(statistics.achievedRate(of: schedule) == 0.5)
    }

    @Test("Errors are counted by their word")
    func errors() {
        var statistics = Statistics([measure])
        statistics.fail("timeout", count: 0)
        #expect(statistics.errors.isEmpty)
        statistics.fail("timeout", count: 2)
        #expect(statistics.errors == ["timeout": 2])
        #expect(statistics.failed == 2)
    }
}
