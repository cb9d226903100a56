import Primitives
import Testing

@testable import SignalingCore

@Suite("How long a call works without a break")
struct TurnBudgetTests {
    private func moment(_ milliseconds: Int64) -> Instant { Scene.start + .milliseconds(milliseconds) }

    @Test("After enough work it rests, and then continues")
    func rest() {
        var budget = TurnBudget()
        #expect(!budget.mustRest(at: moment(0)))
        budget.note(from: moment(0), to: moment(4))
        #expect(!budget.mustRest(at: moment(4)))
        budget.note(from: moment(4), to: moment(6))
        #expect(budget.mustRest(at: moment(6)))
        #expect(budget.mustRest(at: moment(10)))
        #expect(!budget.mustRest(at: moment(11)))
        budget.note(from: moment(11), to: moment(12))
        #expect(!budget.mustRest(at: moment(12)))
    }

    @Test("Work with pauses in between does not add up")
    func pauses() {
        var budget = TurnBudget()
        for number in 0..<20 as Range<Int64> {
            budget.note(from: moment(number * 10), to: moment(number * 10 + 3))
            #expect(!budget.mustRest(at: moment(number * 10 + 3)))
        }
    }

    @Test("A clock that was set back makes no call rest for the length of the jump")
    func clock() {
        var budget = TurnBudget()
        budget.note(from: moment(0), to: moment(9))
        #expect(!budget.mustRest(at: moment(-3_600_000)))
        budget.note(from: moment(-3_600_000), to: moment(-3_600_001))
        #expect(!budget.mustRest(at: moment(-3_600_001)))
    }

    @Test("A clock that jumps ahead does not count as work")
    func jump() {
        var budget = TurnBudget()
        budget.note(from: moment(0), to: moment(45_000))
        #expect(!budget.mustRest(at: moment(45_000)))
    }
}
