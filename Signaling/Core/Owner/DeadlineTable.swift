import HeapModule
import Primitives

/// When each call of a shard is due next. One table, and so one timer, serves them all.
struct DeadlineTable {
    private struct Entry: Comparable {
        let due: Instant
        let call: CallID

        static func < (left: Entry, right: Entry) -> Bool {
            (left.due, left.call) < (right.due, right.call)
        }
    }

    private var heap = Heap<Entry>()
    /// The time for which each call is in the heap; entries that differ from it are stale and skipped.
    private var armed: [CallID: Instant] = [:]

    /// The earliest deadline, if there is one.
    var earliest: Instant? { heap.min?.due }

    /// Sets when the call is due at the latest; nil removes it.
    mutating func set(_ call: CallID, _ due: Instant?) {
        guard let due else {
            armed[call] = nil
            dropStale()
            return
        }
        guard armed[call] != due else { return }
        armed[call] = due
        heap.insert(Entry(due: due, call: call))
        // A call whose deadline moves often must not fill the heap with stale entries.
        if heap.count > 2 * armed.count + 64 { heap = Heap(armed.map { Entry(due: $1, call: $0) }) }
        dropStale()
    }

    /// Removes and returns the calls that are due.
    mutating func takeDue(by now: Instant) -> [CallID] {
        var due: [CallID] = []
        while let entry = heap.min, entry.due <= now {
            heap.removeMin()
            if armed[entry.call] == entry.due {
                armed[entry.call] = nil
                due.append(entry.call)
            }
        }
        dropStale()
        return due
    }

    private mutating func dropStale() {
        while let entry = heap.min, armed[entry.call] != entry.due { heap.removeMin() }
    }
}
