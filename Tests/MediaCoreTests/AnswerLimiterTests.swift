import MediaCore
import Primitives
import Testing

@Suite struct AnswerLimiterTests {
    private let start = Instant(microseconds: 1_000_000_000)

    private func admitted(_ count: Int, of source: IPAddress, by limiter: inout AnswerLimiter, at now: Instant) -> Int {
        (0..<count).count { _ in limiter.admit(source, now: now) }
    }

    @Test func limitsAPrefixAndLetsItGoOnLater() {
        var limiter = AnswerLimiter(.init(perPrefix: 10, burst: 20, total: 1000), key: 1, now: start)
        #expect(admitted(100, of: .v4(0xC000_0201), by: &limiter, at: start) == 20)
        #expect(admitted(100, of: .v4(0xC000_02FE), by: &limiter, at: start) == 0, "the same /24")
        #expect(admitted(100, of: .v4(0xC633_6401), by: &limiter, at: start) == 20, "another network")
        #expect(admitted(100, of: .v4(0xC000_0201), by: &limiter, at: start + .seconds(1)) == 10)
    }

    @Test func takesAHouseholdOfIPv6ForOne() {
        var limiter = AnswerLimiter(.init(perPrefix: 10, burst: 10, total: 1000), key: 1, now: start)
        #expect(admitted(10, of: .v6(high: 0x2001_0DB8_0000_0100, low: 1), by: &limiter, at: start) == 10)
        #expect(admitted(10, of: .v6(high: 0x2001_0DB8_0000_01FF, low: 9), by: &limiter, at: start) == 0)
        #expect(admitted(10, of: .v6(high: 0x2001_0DB8_0000_0200, low: 1), by: &limiter, at: start) == 10)
    }

    @Test func limitsTheWhole() {
        var limiter = AnswerLimiter(.init(perPrefix: 10, burst: 10, total: 500), key: 1, now: start)
        var random = SeededGenerator(seed: 9)
        let count = (0..<100_000).count { _ in limiter.admit(.v4(random.next()), now: start) }
        #expect(count == 500)
    }

    @Test func whoIsLimitedUsesUpNothingOfTheWhole() {
        var limiter = AnswerLimiter(.init(perPrefix: 10, burst: 10, total: 20), key: 1, now: start)
        #expect(admitted(1000, of: .v4(0xC000_0201), by: &limiter, at: start) == 10)
        #expect(admitted(1000, of: .v4(0xC633_6401), by: &limiter, at: start) == 10)
    }

    /// The key decides who shares a bucket: a different key gives different pairs.
    @Test func spreadsNetworksOverTheTable() {
        for key in [0, 1, 0xFFFF_FFFF_FFFF_FFFF] as [UInt64] {
            var limiter = AnswerLimiter(.init(perPrefix: 1, burst: 1, total: 100_000), key: key, now: start)
            let count = (0..<4096).count { limiter.admit(.v4(UInt32($0) << 8), now: start) }
            // With as many networks as buckets, 63 in 100 buckets are used when networks are assigned at random.
            #expect((2400...2800).contains(count))
        }
    }
}
