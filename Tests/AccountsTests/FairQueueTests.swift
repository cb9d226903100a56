import Testing

@testable import Accounts

@Suite struct FairQueueTests {
    /// What was added, by place and name, as "place/name number".
    private func add(
        _ texts: [String], to queue: inout FairQueue<String>
    ) -> [String] {
        texts.compactMap { text in
            let parts = text.split(separator: " ")[0].split(separator: "/")
            return queue.add(text, place: String(parts[0]), name: String(parts[1]))
        }
    }

    private func drain(_ queue: inout FairQueue<String>) -> [String] {
        var texts: [String] = []
        while let text = queue.next() { texts.append(text) }
        return texts
    }

    @Test func placesTakeTurnsAndInThemNames() {
        var queue = FairQueue<String>(limit: 100, placeLimit: 100)
        let refused = add(
            ["a/x 1", "a/x 2", "a/x 3", "a/y 1", "a/y 2", "b/x 1", "b/x 2", "c/z 1"], to: &queue)
        #expect(refused.isEmpty)
        #expect(queue.count == 8)
        #expect(
            drain(&queue) == ["a/x 1", "b/x 1", "c/z 1", "a/y 1", "b/x 2", "a/x 2", "a/y 2", "a/x 3"])
        #expect(queue.count == 0)
        #expect(queue.next() == nil)
    }

    @Test func aPlaceThatHasTooMuchTurnsAwayItsOwn() {
        var queue = FairQueue<String>(limit: 100, placeLimit: 3)
        #expect(add(["a/x 1", "a/x 2", "a/x 3", "b/x 1"], to: &queue) == [])
        #expect(add(["a/x 4"], to: &queue) == ["a/x 4"])
        // The name of a place that floods is dropped before another name of it.
        #expect(add(["a/y 1"], to: &queue) == ["a/x 3"])
        #expect(add(["a/y 2"], to: &queue) == ["a/y 2"], "among equals the newcomer")
        #expect(drain(&queue) == ["a/x 1", "b/x 1", "a/y 1", "a/x 2"])
    }

    @Test func amongNamesThatHaveAsMuchTheNewcomerGoes() {
        for newcomer in ["a/x 2", "a/y 2"] {
            var queue = FairQueue<String>(limit: 100, placeLimit: 3)
            let other = newcomer == "a/x 2" ? "a/y 2" : "a/x 2"
            #expect(add(["a/x 1", "a/y 1", other], to: &queue) == [])
            #expect(add([newcomer], to: &queue) == [newcomer])
        }
    }

    @Test func aFullQueueTurnsAwayTheNewestOfWhoHasMost() {
        var queue = FairQueue<String>(limit: 4, placeLimit: 4)
        #expect(add(["a/x 1", "a/x 2", "a/x 3", "b/x 1"], to: &queue) == [])
        #expect(add(["a/x 4"], to: &queue) == ["a/x 4"])
        #expect(add(["c/x 1"], to: &queue) == ["a/x 3"])
        #expect(add(["d/x 1"], to: &queue) == ["a/x 2"])
        #expect(add(["e/x 1"], to: &queue) == ["e/x 1"], "among equals the newcomer")
        #expect(add(["b/y 1"], to: &queue) == ["b/y 1"])
        #expect(drain(&queue) == ["a/x 1", "b/x 1", "c/x 1", "d/x 1"])
    }

    @Test(arguments: [(0, 0), (-1, 5), (1, 1)]) func takesOneAtLeast(limit: Int, placeLimit: Int) {
        var queue = FairQueue<String>(limit: limit, placeLimit: placeLimit)
        #expect(add(["a/x 1", "b/x 1"], to: &queue) == ["b/x 1"])
        #expect(drain(&queue) == ["a/x 1"])
    }

    /// A client that is alone in a place waits for at most one entry of each other place, whatever others add.
    @Test(arguments: 1...20) func nobodyWaitsForAFlood(seed: UInt64) {
        var generator = Seeded(state: seed)
        var queue = FairQueue<Int>(limit: 24, placeLimit: 8)
        var waiting: Set<Int> = []
        var placeOf: [Int: Int] = [:]
        var turnsSince: [Int: Int] = [:]
        for number in 0..<2000 {
            if Bool.random(using: &generator) || queue.count == 0 {
                // Place 0 floods; the others add something once in a while.
                let place = Int.random(in: 0..<10, using: &generator) < 7 ? 0 : Int.random(in: 1...5, using: &generator)
                let isAlone = !waiting.contains { placeOf[$0] == place }
                waiting.insert(number)
                placeOf[number] = place
                if isAlone { turnsSince[number] = 0 }
                if let refused = queue.add(number, place: "\(place)", name: "\(number % 3)") {
                    #expect(waiting.remove(refused) != nil)
                    turnsSince[refused] = nil
                    // Five others have at most 5 places between them as long as they are alone there.
                    #expect(placeOf[refused] == 0 || placeOf[refused] == place)
                }
            } else if let served = queue.next() {
                #expect(waiting.remove(served) != nil)
                if let turns = turnsSince.removeValue(forKey: served) { #expect(turns <= 5) }
                for other in turnsSince.keys { turnsSince[other, default: 0] += 1 }
            }
            #expect(queue.count == waiting.count)
            #expect(queue.count <= 24)
            #expect(waiting.count { placeOf[$0] == 0 } <= 8)
        }
    }
}

/// A generator that gives the same numbers each time (SplitMix64).
private struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
