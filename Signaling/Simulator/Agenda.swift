import Primitives

/// What is going to happen, the earliest first; what was put in first comes first among equals.
struct Agenda<Happening> {
    private struct Entry {
        let at: Instant
        let number: Int
        let happening: Happening

        func comes(before other: Entry) -> Bool {
            at == other.at ? number < other.number : at < other.at
        }
    }

    /// A binary heap.
    private var entries: [Entry] = []
    private var count = 0

    mutating func put(_ happening: Happening, at moment: Instant) {
        var child = entries.count
        entries.append(Entry(at: moment, number: count, happening: happening))
        count += 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard entries[child].comes(before: entries[parent]) else { return }
            entries.swapAt(child, parent)
            child = parent
        }
    }

    mutating func takeFirst() -> (at: Instant, happening: Happening)? {
        guard let first = entries.first else { return nil }
        let last = entries.removeLast()
        if !entries.isEmpty {
            entries[0] = last
            sink()
        }
        return (first.at, first.happening)
    }

    private mutating func sink() {
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < entries.count {
                if entries[child].comes(before: entries[least]) { least = child }
            }
            guard least != parent else { return }
            entries.swapAt(least, parent)
            parent = least
        }
    }
}
