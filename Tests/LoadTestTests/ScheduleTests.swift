import Primitives
import Testing

@testable import loadtest

@Suite("Schedule")
struct ScheduleTests {
    private let start = Instant(microseconds: 1_000_000)

    @Test("As many pieces as fit, at even intervals")
    func distances() {
        let schedule = Schedule(start: start, rate: 3, seconds: 2)
        #expect(schedule.count == 6)
        #expect((0..<4).map { (schedule.intended($0) - start).microseconds } == [0, 333_333, 666_667, 1_000_000])
        #expect(schedule.end == schedule.intended(5))
    }

    @Test("A rate below one piece still makes one")
    func slow() {
        #expect(Schedule(start: start, rate: 0.1, seconds: 1).count == 1)
    }

    @Test("After a stall the pieces keep their intended times")
    func stall() {
        var schedule = Schedule(start: start, rate: 10, seconds: 1)
        #expect(schedule.takeDue(now: start - .milliseconds(1)) == nil)
        let now = start + .milliseconds(250)
        var taken: [Int64] = []
        while let intended = schedule.takeDue(now: now) { taken.append((intended - start).milliseconds) }
        #expect(taken == [0, 100, 200])
        #expect(schedule.next == start + .milliseconds(300))
        #expect(schedule.takeRest() == 7)
        #expect(schedule.next == nil)
    }
}
