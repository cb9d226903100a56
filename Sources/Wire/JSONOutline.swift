/// The names and brackets of a JSON text (RFC 8259), without the meaning of its values.
///
/// It finds what the decoder accepts or misreads: a name that occurs twice in an object, half a surrogate pair, and
/// whole pairs, which the decoder must not see. Invalid numbers, and everything that depends on the schema, are left to
/// the decoder.
struct JSONOutline {
    /// How deep objects and arrays may be nested in each other.
    static let deepestNesting = 32

    /// `ClientFrame.id`, if it was reached and is a number in digits.
    private(set) var id: UInt32 = 0
    /// Whether the outermost object has a `hello`.
    private(set) var isHello = false
    /// Whether characters beyond U+FFFF are written as two `\u` escapes.
    private(set) var hasSurrogatePairs = false
    /// What is wrong with the text.
    private(set) var fault: WireFault?

    private let bytes: [UInt8]
    private var index = 0

    /// Scans a text.
    init(of bytes: [UInt8]) {
        self.bytes = bytes
        do throws(WireFault) {
            try value(depth: 0)
            skipSpace()
            guard index == bytes.count else { throw Self.broken }
        } catch {
            if fault == nil { fault = error }
        }
    }

    // MARK: Values

    private mutating func value(depth: Int) throws(WireFault) {
        skipSpace()
        guard let first = byte else { throw Self.broken }
        switch first {
        case UInt8(ascii: "{"): try object(depth: try deeper(depth))
        case UInt8(ascii: "["): try array(depth: try deeper(depth))
        case UInt8(ascii: "\""): _ = try string()
        default: try word()
        }
    }

    private func deeper(_ depth: Int) throws(WireFault) -> Int {
        guard depth < Self.deepestNesting else { throw WireFault(.malformed, "The JSON is nested too deeply.") }
        return depth + 1
    }

    private mutating func object(depth: Int) throws(WireFault) {
        index += 1
        skipSpace()
        if take(UInt8(ascii: "}")) { return }
        var names = Names()
        while true {
            skipSpace()
            guard byte == UInt8(ascii: "\"") else { throw Self.broken }
            let name = try string()
            if !names.insert(bytes[name]) { note("A name stands twice in an object of the JSON, or it has too many.") }
            skipSpace()
            guard take(UInt8(ascii: ":")) else { throw Self.broken }
            if depth == 1 { head(name) }
            try value(depth: depth)
            skipSpace()
            if take(UInt8(ascii: "}")) { return }
            guard take(UInt8(ascii: ",")) else { throw Self.broken }
        }
    }

    private mutating func array(depth: Int) throws(WireFault) {
        index += 1
        skipSpace()
        if take(UInt8(ascii: "]")) { return }
        while true {
            try value(depth: depth)
            skipSpace()
            if take(UInt8(ascii: "]")) { return }
            guard take(UInt8(ascii: ",")) else { throw Self.broken }
        }
    }

    /// A number, or one of `true`, `false` and `null`.
    private mutating func word() throws(WireFault) {
        let start = index
        while let byte {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "E"),
                UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."):
                index += 1
            default:
                guard index > start else { throw Self.broken }
                return
            }
        }
    }

    /// Reads a string, and returns where it is, without its quotes.
    private mutating func string() throws(WireFault) -> Range<Int> {
        index += 1
        let start = index
        while let byte {
            switch byte {
            case UInt8(ascii: "\""):
                index += 1
                return start..<index - 1
            case UInt8(ascii: "\\"): escape()
            default: index += 1
            }
        }
        throw Self.broken
    }

    private mutating func escape() {
        let escape = Self.escape(in: bytes, at: index)
        switch escape {
        case .pair: hasSurrogatePairs = true
        case .half: note("The JSON has half a surrogate pair in a text, which is no character.")
        case .other: break
        }
        index += escape.length
    }

    // MARK: Steps

    private var byte: UInt8? { index < bytes.count ? bytes[index] : nil }

    private mutating func skipSpace() {
        while let byte, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { index += 1 }
    }

    private mutating func take(_ wanted: UInt8) -> Bool {
        guard byte == wanted else { return false }
        index += 1
        return true
    }

    /// The scan continues, because the id may still come.
    private mutating func note(_ message: String) {
        if fault == nil { fault = WireFault(.malformed, message) }
    }

    private static var broken: WireFault { WireFault(.malformed, "This is not JSON, or it ends too early.") }
}

// MARK: - The head of a frame

extension JSONOutline {
    /// Notes what a name of the outermost object means; its value comes next.
    private mutating func head(_ name: Range<Int>) {
        if bytes[name].elementsEqual("hello".utf8) { isHello = true }
        guard id == 0, bytes[name].elementsEqual("id".utf8) else { return }
        skipSpace()
        var place = index
        // A number may be in quotes.
        if byte == UInt8(ascii: "\"") { place += 1 }
        var number: UInt64 = 0
        while place < bytes.count, case let digit = bytes[place] &- UInt8(ascii: "0"), digit < 10 {
            number = number * 10 + UInt64(digit)
            guard number <= UInt32.max else { return }
            place += 1
        }
        // 7.5 and 7e1 are not 7.
        switch place < bytes.count ? bytes[place] : 0 {
        case UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"): return
        default: id = UInt32(number)
        }
    }
}

// MARK: - Names

/// The names of one object, as hashes: equal hashes count as equal names, which no honest ones have.
///
/// The capacity is so small that searching it is a small factor, and nothing is allocated. Objects of the schema have
/// fewer than half as many names.
private struct Names {
    private var hashes = InlineArray<64, UInt64>(repeating: 0)
    private var count = 0

    /// Adds a name; false when it is there already, or when there is no room.
    mutating func insert(_ name: ArraySlice<UInt8>) -> Bool {
        // FNV-1a.
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in name { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        for place in 0..<count where hashes[place] == hash { return false }
        guard count < hashes.count else { return false }
        hashes[count] = hash
        count += 1
        return true
    }
}

// MARK: - Surrogates

extension JSONOutline {
    /// What begins with a backslash.
    private enum Escape {
        /// Two `\u` escapes that are one character, with its scalar value.
        case pair(UInt32)
        /// A `\u` escape that is half a character.
        case half
        /// Anything else, well-formed or not.
        case other

        /// How many bytes to skip at least. What follows contains no quote that would end the string too early.
        var length: Int {
            switch self {
            case .pair: 12
            case .half: 6
            case .other: 2
            }
        }
    }

    private static func escape(in bytes: [UInt8], at index: Int) -> Escape {
        guard let high = codeUnit(in: bytes, at: index), (0xD800...0xDFFF).contains(high) else { return .other }
        guard high < 0xDC00, let low = codeUnit(in: bytes, at: index + 6), (0xDC00...0xDFFF).contains(low) else {
            return .half
        }
        // The Unicode Standard, table 3-5: the plane is added, not set with a bit.
        return .pair(0x10000 + ((high - 0xD800) << 10 | (low - 0xDC00)))
    }

    /// The code unit of a `\u` escape.
    private static func codeUnit(in bytes: [UInt8], at index: Int) -> UInt32? {
        guard index + 6 <= bytes.count, bytes[index] == UInt8(ascii: "\\"), bytes[index + 1] == UInt8(ascii: "u") else {
            return nil
        }
        var unit: UInt32 = 0
        for place in index + 2..<index + 6 {
            let digit: UInt8
            switch bytes[place] {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = bytes[place] - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = bytes[place] - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = bytes[place] - UInt8(ascii: "A") + 10
            default: return nil
            }
            unit = unit << 4 | UInt32(digit)
        }
        return unit
    }

    /// The same text with every pair of `\u` escapes written as the character that it stands for.
    ///
    /// The decoder of swift-protobuf 1.39.0 joins such pairs wrongly in every other plane: U+20BB7 becomes U+10BB7.
    static func joiningSurrogates(in bytes: [UInt8]) -> [UInt8] {
        var joined: [UInt8] = []
        joined.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            guard bytes[index] == UInt8(ascii: "\\") else {
                joined.append(bytes[index])
                index += 1
                continue
            }
            let escape = escape(in: bytes, at: index)
            let end = min(index + escape.length, bytes.count)
            if case .pair(let value) = escape, let scalar = Unicode.Scalar(value) {
                joined.append(contentsOf: String(scalar).utf8)
            } else {
                joined.append(contentsOf: bytes[index..<end])
            }
            index = end
        }
        return joined
    }
}
