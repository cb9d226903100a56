import Primitives
import SignalingCore

extension Schedule {
    /// The shortest schedule found that breaks the same rule: acts are left out, many at once and then one by one, as
    /// long as it is still broken (delta debugging).
    func shortened(breaking check: Check) -> Schedule {
        var shortest = self
        let rows = databaseToCompareWith
        func breaks(_ candidate: Schedule) -> Bool {
            let world = World(candidate, rows: rows)
            world.run()
            return world.violation?.check == check
        }
        func keep(_ change: (inout Schedule) -> Void) {
            var candidate = shortest
            change(&candidate)
            if breaks(candidate) { shortest = candidate }
        }
        keep { $0.rules = CallRules() }
        keep { $0.finale = .asTheyAre }
        keep { $0.comparesRows = false }
        var chunk = max(1, shortest.acts.count / 2)
        while true {
            let before = shortest.acts.count
            var start = 0
            while start < shortest.acts.count {
                var candidate = shortest
                candidate.acts.removeSubrange(start..<min(start + chunk, candidate.acts.count))
                if breaks(candidate) { shortest = candidate } else { start += chunk }
            }
            if chunk == 1, shortest.acts.count == before { break }
            chunk = max(1, chunk / 2)
        }
        for index in shortest.acts.indices {
            keep { $0.acts[index].delay = .span(.milliseconds(0)) }
        }
        return shortest
    }
}
