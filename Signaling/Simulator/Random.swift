/// A small seeded source of choices (SplitMix64), so that a schedule can be run again.
struct Random {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// A number from 0 up to, but not including, `bound`, which must be positive. The bias is negligible.
    mutating func below(_ bound: Int) -> Int {
        Int(truncatingIfNeeded: ((next() >> 32) &* UInt64(truncatingIfNeeded: bound)) >> 32)
    }

    /// True with probability 1 in `count`.
    mutating func isOne(in count: Int) -> Bool {
        below(count) == 0
    }

    /// One of the elements; there must be at least one.
    mutating func pick<Element>(_ elements: [Element]) -> Element {
        elements[below(elements.count)]
    }

    /// A number of microseconds from 0 up to `limit`.
    mutating func microseconds(upTo limit: Int) -> Int64 {
        Int64(below(limit + 1))
    }
}
