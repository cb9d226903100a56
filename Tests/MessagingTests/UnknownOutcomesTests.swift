import Primitives
import Testing

@testable import Messaging

@Suite struct UnknownOutcomesTests {
    private let keys = (0..<5).map { number in
        UnknownOutcomes.Key(
            sender: UserID(high: 1, low: 1), clientMessageID: RequestID(high: 2, low: UInt64(number)))
    }

    @Test func forgetsTheOldest() {
        var unknown = UnknownOutcomes(limit: 3)
        for key in keys[..<3] { unknown.insert(key) }
        // It is the newest now.
        unknown.insert(keys[0])
        unknown.insert(keys[3])
        unknown.insert(keys[4])
        let found = keys.map { unknown.remove($0) }
        #expect(found == [true, false, false, true, true])
        let again = keys.map { unknown.remove($0) }
        #expect(again == [false, false, false, false, false])
    }

    @Test func tellsSendersApart() {
        var unknown = UnknownOutcomes()
        unknown.insert(keys[0])
        var other = keys[0]
        other.sender = UserID(high: 1, low: 2)
        let others = unknown.remove(other)
        let own = unknown.remove(keys[0])
        #expect(!others && own)
    }
}
