import Delivery
import Primitives
import Testing

@testable import Gateway

/// Heartbeats and the wheel in virtual time.
@Suite struct HeartbeatTests {
    private func at(_ seconds: Int64) -> Instant { Instant(microseconds: 1_000_000_000 + seconds * 1_000_000) }

    @Test func aConnectionWithoutAHeadIsDropped() {
        var heartbeat = Heartbeat(timings: .init(), now: at(0))
        #expect(heartbeat.due(now: at(9)) == .wait(until: at(10)))
        #expect(heartbeat.due(now: at(10)) == .drop)
    }

    @Test func aConnectionThatIsNoSocketHasFiveMinutes() {
        var heartbeat = Heartbeat(timings: .init(), now: at(0))
        heartbeat.becamePlain(now: at(5))
        heartbeat.heard(now: at(300))
        #expect(heartbeat.due(now: at(304)) == .wait(until: at(305)))
        #expect(heartbeat.due(now: at(305)) == .drop)
    }

    @Test func helloIsWaitedForFiveSeconds() {
        var heartbeat = Heartbeat(timings: .init(), now: at(0))
        heartbeat.upgraded(now: at(1))
        #expect(heartbeat.due(now: at(5)) == .wait(until: at(6)))
        // A frame that is not a hello gains no time.
        heartbeat.heard(now: at(5))
        #expect(heartbeat.due(now: at(6)) == .close(.helloTimeout))
    }

    @Test func aHelloThatIsNeverAnsweredEnds() {
        var heartbeat = Heartbeat(timings: .init(), now: at(0))
        heartbeat.upgraded(now: at(0))
        heartbeat.greeted(now: at(4))
        #expect(heartbeat.due(now: at(5)) == .wait(until: at(19)))
        #expect(heartbeat.due(now: at(19)) == .close(.unavailable))
    }

    @Test func whoAnswersPingsStays() {
        var heartbeat = Heartbeat(timings: .init(), now: at(0))
        heartbeat.upgraded(now: at(0))
        heartbeat.greeted(now: at(1))
        heartbeat.welcomed(now: at(1))
        var now: Int64 = 1
        for _ in 0..<1000 {
            now += 25
            #expect(heartbeat.due(now: at(now)) == .ping(then: at(now + 10)))
            heartbeat.heard(now: at(now + 3))
            #expect(heartbeat.due(now: at(now + 10)) == .wait(until: at(now + 25)))
        }
    }

    @Test func whoDoesNotAnswerIsGivenUp() {
        var heartbeat = Heartbeat(timings: .init(), now: at(0))
        heartbeat.upgraded(now: at(0))
        heartbeat.greeted(now: at(0))
        heartbeat.welcomed(now: at(0))
        heartbeat.heard(now: at(24))
        #expect(heartbeat.due(now: at(25)) == .ping(then: at(35)))
        #expect(heartbeat.due(now: at(34)) == .wait(until: at(35)))
        #expect(heartbeat.due(now: at(35)) == .close(.heartbeatLost))
        heartbeat.closing(now: at(35))
        #expect(heartbeat.due(now: at(35)) == .wait(until: at(40)))
        // Closing again gains no time.
        heartbeat.closing(now: at(39))
        #expect(heartbeat.due(now: at(40)) == .drop)
    }

    @Test func aLoopThatSleptLongPingsBeforeItGivesUp() {
        var heartbeat = Heartbeat(timings: .init(), now: at(0))
        heartbeat.upgraded(now: at(0))
        heartbeat.greeted(now: at(0))
        heartbeat.welcomed(now: at(0))
        #expect(heartbeat.due(now: at(1000)) == .ping(then: at(1010)))
        heartbeat.heard(now: at(1001))
        // Late again: the next ping is due at once.
        #expect(heartbeat.due(now: at(1100)) == .ping(then: at(1110)))
    }

    @Test func theWheelGivesEachMemberOnceAndNeverEarly() {
        var generator = SystemRandomNumberGenerator()
        for slotCount in [1, 7, 256] {
            var wheel = DeadlineWheel<Int>(slotSpan: .milliseconds(250), slotCount: slotCount, now: at(0))
            var deadlines: [Int: Instant] = [:]
            var now = at(0)
            for member in 0..<2000 {
                let deadline = now + .milliseconds(.random(in: -1000...90_000, using: &generator))
                wheel.insert(member, at: deadline)
                // What is already due is due from now on.
                deadlines[member] = max(deadline, now)
                now = now + .milliseconds(.random(in: 0...300, using: &generator))
                if member % 500 == 499 { now = now + .seconds(200) }
                for due in wheel.turn(to: now) {
                    let deadline = deadlines.removeValue(forKey: due)
                    #expect(deadline.map { $0 <= now } == true)
                }
                // Nobody waits longer than a slot and the time between two turns.
                #expect(deadlines.values.allSatisfy { $0 + .milliseconds(550) > now })
            }
            #expect(wheel.count == deadlines.count)
            #expect(Set(wheel.turn(to: now + .seconds(1000))) == Set(deadlines.keys))
            #expect(wheel.count == 0)
        }
    }
}
