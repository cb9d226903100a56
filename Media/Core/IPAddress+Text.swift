extension IPAddress: LosslessStringConvertible {
    /// Reads dotted decimal (RFC 3986 §3.2.2) or any form of RFC 4291 §2.2; nil when the text is neither.
    ///
    /// Leading zeros in dotted decimal are refused, since some read them as octal; so is a zone (`%eth0`).
    public init?(_ text: String) {
        if text.utf8.contains(UInt8(ascii: ":")) {
            guard let groups = Self.groups(ofAddress: text) else { return nil }
            self = .v6(high: Self.joined(groups[0..<4]), low: Self.joined(groups[4..<8]))
        } else {
            guard let number = Self.dottedDecimal(text[...]) else { return nil }
            self = .v4(number)
        }
    }

    /// Dotted decimal, or the one recommended form of RFC 5952 §4.
    public var description: String {
        switch self {
        case .v4(let number):
            return "\(number >> 24).\(number >> 16 & 0xFF).\(number >> 8 & 0xFF).\(number & 0xFF)"
        case .v6(let high, let low):
            let groups = (0..<8).map { UInt16(truncatingIfNeeded: ($0 < 4 ? high : low) >> UInt64(48 - $0 % 4 * 16)) }
            let texts = groups.map { String($0, radix: 16) }
            guard let gap = Self.longestRunOfZeros(groups) else { return texts.joined(separator: ":") }
            let (head, tail) = (texts[..<gap.lowerBound], texts[gap.upperBound...])
            return head.joined(separator: ":") + "::" + tail.joined(separator: ":")
        }
    }

    private static func dottedDecimal(_ text: Substring) -> UInt32? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var number: UInt32 = 0
        for part in parts {
            let isDecimal = part.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
            guard isDecimal, part.utf8.count == 1 || !part.hasPrefix("0"), let byte = UInt8(part) else { return nil }
            number = number << 8 | UInt32(byte)
        }
        return number
    }

    /// The eight groups of an address in text, the gap `::` filled in.
    private static func groups(ofAddress text: String) -> [UInt16]? {
        // Longer than any address can be, so that the work on a peer's input is bounded.
        guard text.utf8.count <= 45 else { return nil }
        let halves = text.split(separator: "::", maxSplits: 2, omittingEmptySubsequences: false)
        guard halves.count <= 2, let first = halves.first else { return nil }
        guard halves.count == 2 else {
            let groups = groups(ofPart: first, isLast: true)
            return groups?.count == 8 ? groups : nil
        }
        guard let head = groups(ofPart: first, isLast: false), let tail = groups(ofPart: halves[1], isLast: true),
            head.count + tail.count <= 7
        else { return nil }
        return head + [UInt16](repeating: 0, count: 8 - head.count - tail.count) + tail
    }

    private static func groups(ofPart text: Substring, isLast: Bool) -> [UInt16]? {
        guard !text.isEmpty else { return [] }
        var groups: [UInt16] = []
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated() {
            if isLast, index == parts.count - 1, let number = dottedDecimal(part) {
                groups.append(UInt16(truncatingIfNeeded: number >> 16))
                groups.append(UInt16(truncatingIfNeeded: number))
            } else {
                guard part.utf8.count <= 4, part.utf8.first != UInt8(ascii: "+"), let group = UInt16(part, radix: 16)
                else { return nil }
                groups.append(group)
            }
        }
        return groups
    }

    private static func joined(_ groups: ArraySlice<UInt16>) -> UInt64 {
        groups.reduce(0) { $0 << 16 | UInt64($1) }
    }

    /// The first of the longest runs of two or more zero groups.
    private static func longestRunOfZeros(_ groups: [UInt16]) -> Range<Int>? {
        var longest = 0..<1
        var start = 0
        for index in groups.indices {
            if groups[index] != 0 { start = index + 1 }
            if index + 1 - start > longest.count { longest = start..<index + 1 }
        }
        return longest.count > 1 ? longest : nil
    }
}
