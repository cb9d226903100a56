import Primitives
import Testing

@testable import SignalingCore

@Suite("Deadline table")
struct DeadlineTableTests {
    private func call(_ number: UInt64) -> CallID { CallID(high: 0, low: number) }
    private func moment(_ seconds: Int64) -> Instant { Scene.start + .seconds(seconds) }

    @Test("Calls come out when they are due, each once")
    func order() {
        var table = DeadlineTable()
        table.set(call(1), moment(30))
        table.set(call(2), moment(10))
        table.set(call(3), moment(20))
        #expect(table.earliest == moment(10))
        #expect(table.takeDue(by: moment(9)).isEmpty)
        #expect(table.takeDue(by: moment(20)) == [call(2), call(3)])
        #expect(table.takeDue(by: moment(20)).isEmpty)
        #expect(table.earliest == moment(30))
    }

    @Test("A moved deadline counts where it is now")
    func moved() {
        var table = DeadlineTable()
        table.set(call(1), moment(10))
        table.set(call(1), moment(50))
        #expect(table.earliest == moment(50))
        #expect(table.takeDue(by: moment(20)).isEmpty)
        table.set(call(1), moment(5))
        #expect(table.takeDue(by: moment(20)) == [call(1)])
        #expect(table.earliest == nil)
    }

    @Test("A removed call is never due")
    func removed() {
        var table = DeadlineTable()
        table.set(call(1), moment(10))
        table.set(call(1), nil)
        #expect(table.earliest == nil)
        #expect(table.takeDue(by: moment(99)).isEmpty)
    }

    @Test("A thousand moves of one deadline leave no heap behind")
    func bounded() {
        var table = DeadlineTable()
        for second in 1...1000 { table.set(call(1), moment(Int64(2000 - second))) }
        #expect(table.takeDue(by: moment(5000)) == [call(1)])
        #expect(table.earliest == nil)
    }
}
