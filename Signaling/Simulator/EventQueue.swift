import Primitives

/// Future events, the earliest first; among equals in the order in which they were added.
struct EventQueue<Event> {
    private struct Entry {
        let at: Instant
        let number: Int
        let slot: Int

        func comes(before other: Entry) -> Bool {
            at == other.at ? number < other.number : at < other.at
        }
    }

    /// A binary heap.
    private var entries: [Entry] = []
    private var count = 0
    /// The events themselves do not move while entries do.
    private var slots: [Event?] = []
    private var freeSlots: [Int] = []

    mutating func put(_ event: Event, at moment: Instant) {
        var child = entries.count
        entries.append(Entry(at: moment, number: count, slot: keep(event)))
        count += 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard entries[child].comes(before: entries[parent]) else { return }
            entries.swapAt(child, parent)
            child = parent
        }
    }

    private mutating func keep(_ event: Event) -> Int {
        if let slot = freeSlots.popLast() {
            slots[slot] = event
            return slot
        }
        slots.append(event)
        return slots.count - 1
    }

    mutating func takeFirst() -> (at: Instant, event: Event)? {
        guard let first = entries.first, let event = slots[first.slot] else { return nil }
        slots[first.slot] = nil
        freeSlots.append(first.slot)
        let last = entries.removeLast()
        if !entries.isEmpty {
            entries[0] = last
            sink()
        }
        return (first.at, event)
    }

    private mutating func sink() {
        var parent = 0
        while true {
            var least = parent
            for child in 2 * parent + 1...2 * parent + 2 where child < entries.count {
                if entries[child].comes(before: entries[least]) { least = child }
            }
            guard least != parent else { return }
            entries.swapAt(least, parent)
            parent = least
        }
    }
}
