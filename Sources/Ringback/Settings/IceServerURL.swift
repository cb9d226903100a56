import MediaCore

/// The parts of a STUN or TURN URL (RFC 7064, RFC 7065).
struct IceServerURL: Equatable {
    /// Which of the two protocols the server speaks.
    enum Kind: Equatable {
        case stun
        case turn
    }

    let kind: Kind

    /// Reads `stun:HOST`, `stuns:HOST`, `turn:HOST` or `turns:HOST`, each with `:PORT` if it is not the default; for
    /// `turn` and `turns` also `?transport=udp` or `?transport=tcp`, the transports that browsers know.
    ///
    /// - Returns: nil for anything else: browsers refuse a whole configuration for one URL that they cannot read.
    init?(_ text: String) {
        // Checked before any comparison: letters with marks are letters of their own, and none of them is allowed here.
        guard text.utf8.count <= 512, text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }),
            let colon = text.firstIndex(of: ":")
        else { return nil }
        let rest = text[text.index(after: colon)...]
        let address: Substring
        switch text[..<colon].lowercased() {
        case "stun", "stuns":
            kind = .stun
            address = rest
        case "turn", "turns":
            kind = .turn
            let parts = rest.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
            address = parts[0]
            if parts.count == 2, !["transport=udp", "transport=tcp"].contains(parts[1]) { return nil }
        default: return nil
        }
        guard Self.isHostAndPort(address) else { return nil }
    }

    private static func isHostAndPort(_ text: Substring) -> Bool {
        let host: Substring
        let rest: Substring
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return false }
            host = text[..<end].dropFirst()
            rest = text[text.index(after: end)...]
            // Only an IPv6 address is allowed between brackets.
            guard host.contains(":"), IPAddress(String(host)) != nil else { return false }
        } else {
            let end = text.firstIndex(of: ":") ?? text.endIndex
            host = text[..<end]
            rest = text[end...]
            guard isName(host) else { return false }
        }
        guard let colon = rest.first else { return true }
        let port = rest.dropFirst()
        return colon == ":" && port.allSatisfy(\.isNumber) && UInt16(port).map { $0 > 0 } ?? false
    }

    /// Whether it is an IPv4 address or a name (RFC 1123 §2.1, with the underscore that some use).
    private static func isName(_ host: Substring) -> Bool {
        guard host.utf8.count <= 253 else { return false }
        let labels = host.split(separator: ".", omittingEmptySubsequences: false)
        // A last label of digits alone would be an address (RFC 3696 §2).
        if labels.last?.allSatisfy(\.isNumber) == true { return IPAddress(String(host)) != nil }
        return labels.allSatisfy { label in
            (1...63).contains(label.utf8.count) && !label.hasPrefix("-") && !label.hasSuffix("-")
                && label.allSatisfy { $0.isLetter || $0.isNumber || $0 == "-" || $0 == "_" }
        }
    }
}
