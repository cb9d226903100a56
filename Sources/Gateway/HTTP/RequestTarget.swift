/// The target of a request in one normal form (RFC 9112 §3.2).
struct RequestTarget: Equatable {
    /// Path and query. Unnecessary percent-encodings are decoded, and hexadecimal digits are in upper case (RFC 3986
    /// §6.2.2), so that paths can simply be compared later.
    let path: String
    /// The host and port that the target names itself; nil when it is left to the `Host` field.
    let authority: String?

    /// Reads a path, or a whole URL as sent to proxies.
    /// - Returns: nil for anything else: `*`, a host and port, a fragment, a broken percent-encoding.
    init?(_ text: String) {
        guard !text.utf8.contains(UInt8(ascii: "#")) else { return nil }
        let rest: Substring
        if text.utf8.first == UInt8(ascii: "/") {
            authority = nil
            rest = text[...]
        } else {
            guard let mark = text.firstRange(of: "://"),
                ["http", "https", "ws", "wss"].contains(text[..<mark.lowerBound].lowercased())
            else { return nil }
            let named = text[mark.upperBound...].prefix { $0 != "/" && $0 != "?" }
            authority = String(named)
            rest = text[named.endIndex...]
        }
        let query = rest.firstIndex(of: "?") ?? rest.endIndex
        guard let path = Self.normalized(rest[..<query]) else { return nil }
        self.path = (path.isEmpty ? "/" : path) + rest[query...]
    }

    /// A path with its percent-encodings in normal form; nil when one is broken.
    private static func normalized(_ path: Substring) -> String? {
        guard path.utf8.contains(UInt8(ascii: "%")) else { return String(path) }
        var result: [UInt8] = []
        var rest = path.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                result.append(byte)
                continue
            }
            let digits = rest.prefix(2)
            guard digits.count == 2, digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
                let value = UInt8(String(Substring(digits)), radix: 16)
            else { return nil }
            rest.removeFirst(2)
            if isUnreserved(value) {
                result.append(value)
            } else {
                result += Array("%\(String(Substring(digits)).uppercased())".utf8)
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// Whether a character never needs to be encoded (RFC 3986 §2.3).
    private static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "~"):
            true
        default: false
        }
    }
}
