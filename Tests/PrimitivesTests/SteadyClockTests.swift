import Primitives
import Testing

@Suite("The steady clock")
struct SteadyClockTests {
    private static let start = Instant(microseconds: 1_700_000_000_000_000)

    /// A machine whose clock may be set, and a process on it.
    private struct Machine {
        var uptime = Instant(microseconds: 5_000_000)
        var system = SteadyClockTests.start
        var clock = SteadyClock(system: SteadyClockTests.start, uptime: Instant(microseconds: 5_000_000))

        mutating func pass(_ span: Instant.Span) {
            uptime = uptime + span
            system = system + span
        }

        mutating func now() -> Instant {
            if clock.wantsLook(uptime: uptime) { clock.look(system: system, uptime: uptime) }
            return clock.reading(uptime: uptime)
        }
    }

    @Test("Follows the machine's clock as long as nobody sets that")
    func alike() {
        var machine = Machine()
        for _ in 0..<1000 {
            machine.pass(.milliseconds(77))
            #expect(machine.now() == machine.system)
        }
    }

    @Test("Set by an hour, back or forward: 45 s last 40 to 50 s", arguments: [-3600, 3600, -86_400, 30] as [Int64])
    func spans(_ jump: Int64) {
        var machine = Machine()
        machine.pass(.seconds(3))
        let before = machine.now()
        machine.system = machine.system + .seconds(jump)
        for _ in 0..<450 {
            machine.pass(.milliseconds(100))
            _ = machine.now()
        }
        let shown = (machine.now() - before).milliseconds
        #expect((40_500...49_500).contains(shown))
    }

    @Test("Catches up with the machine's clock, and stays with it", arguments: [-60, 60, -1, 1] as [Int64])
    func catchesUp(_ jump: Int64) {
        var machine = Machine()
        machine.system = machine.system + .seconds(jump)
        for _ in 0..<700 {
            machine.pass(.seconds(1))
            _ = machine.now()
        }
        #expect(machine.now() == machine.system)
        machine.pass(.seconds(1))
        #expect(machine.now() == machine.system)
    }

    @Test("Not read for days: it has caught up with a jump, not run past it")
    func idle() {
        var machine = Machine()
        machine.system = machine.system + .seconds(-3600)
        machine.pass(.seconds(1))
        _ = machine.now()
        machine.pass(.seconds(40 * 3600))
        #expect(machine.clock.reading(uptime: machine.uptime) == machine.system)
    }

    @Test("Never goes back, whatever happens to the machine's clock", arguments: 0..<50 as Range<UInt64>)
    func monotonic(_ seed: UInt64) {
        var random = SplitMix(seed)
        var machine = Machine()
        var last = machine.now()
        for _ in 0..<2000 {
            let before = machine.uptime
            machine.pass(Instant.Span(microseconds: Int64(random.next() % 3_000_000)))
            if random.next() % 10 == 0 {
                let jump = Int64(random.next() % 200_000_000_000) - 100_000_000_000
                machine.system = machine.system + Instant.Span(microseconds: jump)
            }
            let now = machine.now()
            let (elapsed, shown) = ((machine.uptime - before).microseconds, (now - last).microseconds)
            #expect(shown >= elapsed - elapsed / 10 - 2 && shown <= elapsed + elapsed / 10 + 2)
            last = now
        }
    }

    @Test("A late reading from another thread changes nothing")
    func lateReading() {
        var machine = Machine()
        let early = machine.uptime
        machine.pass(.seconds(2))
        let shown = machine.now()
        machine.clock.look(system: Self.start + .seconds(9), uptime: early)
        #expect(machine.clock.reading(uptime: early) == shown)
        #expect(machine.clock.reading(uptime: machine.uptime) == shown)
    }
}

/// A seeded source of randomness.
private struct SplitMix {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
