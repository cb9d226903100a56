import NIOCore

/// Where a page comes from: scheme, host and port (RFC 6454).
public struct Origin: Hashable, Sendable, CustomStringConvertible {
    /// In lower case.
    public let scheme: String
    /// In lower case.
    let host: String
    /// Nil for a scheme that has no usual port.
    let port: UInt16?

    /// Reads an origin as browsers write it: `https://app.example`, with `:PORT` where it is not the default.
    /// - Returns: nil when it is anything else, also for `null`, an opaque origin.
    public init?(_ text: String) {
        guard let mark = text.firstRange(of: "://"), let authority = Authority(text[mark.upperBound...]) else {
            return nil
        }
        self.init(scheme: text[..<mark.lowerBound], authority: authority)
    }

    /// The origin of pages that are reached with this scheme, host and port.
    init?(scheme: some StringProtocol, authority: Authority) {
        let scheme = scheme.lowercased()
        guard scheme.utf8.first.map(Self.isLetter) == true,
            scheme.utf8.allSatisfy({ Self.isLetter($0) || (0x30...0x39).contains($0) || "+-.".utf8.contains($0) }),
            // No page has such an origin.
            scheme != "ws", scheme != "wss"
        else { return nil }
        self.scheme = scheme
        host = authority.host
        port = authority.port ?? Self.usualPort(of: scheme)
    }

    /// Whether it is reached over TLS.
    public var isSecure: Bool { scheme == "https" }

    /// As browsers write it.
    public var description: String {
        guard let port, port != Self.usualPort(of: scheme) else { return "\(scheme)://\(host)" }
        return "\(scheme)://\(host):\(port)"
    }

    private static func isLetter(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte) }

    private static func usualPort(of scheme: String) -> UInt16? {
        switch scheme {
        case "http": 80
        case "https": 443
        default: nil
        }
    }
}

/// A host and, where one is named, a port, as a `Host` field has them (RFC 9110 §7.2).
struct Authority: Hashable, Sendable {
    /// A name, an IPv4 address, or an IPv6 address in brackets; in lower case.
    let host: String
    /// Nil when none is named.
    let port: UInt16?

    /// Reads `HOST` or `HOST:PORT`; nil when it is anything else, such as a user name, a path or an empty host.
    init?(_ text: some StringProtocol) {
        let bytes = Array(text.utf8)
        let hostEnd: Int
        if bytes.first == UInt8(ascii: "[") {
            guard let close = bytes.firstIndex(of: UInt8(ascii: "]")),
                case .v6? = try? SocketAddress(ipAddress: String(decoding: bytes[1..<close], as: UTF8.self), port: 0)
            else { return nil }
            hostEnd = close + 1
        } else {
            hostEnd = bytes.firstIndex(of: UInt8(ascii: ":")) ?? bytes.endIndex
            guard hostEnd > 0, bytes[..<hostEnd].allSatisfy(Self.mayStandInName) else { return nil }
        }
        host = String(decoding: bytes[..<hostEnd], as: UTF8.self).lowercased()
        guard hostEnd < bytes.endIndex else {
            port = nil
            return
        }
        let digits = bytes[(hostEnd + 1)...]
        guard bytes[hostEnd] == UInt8(ascii: ":"), digits.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        // An empty port means the default (RFC 3986 §3.2.3).
        guard !digits.isEmpty else {
            port = nil
            return
        }
        guard let number = UInt16(String(decoding: digits, as: UTF8.self)), number > 0 else { return nil }
        port = number
    }

    /// The characters of DNS names, with the underscore that some use. Others are written in `xn--` form.
    private static func mayStandInName(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}

extension GatewayConfiguration {
    /// Whether browsers reach the server over TLS: its own, or that of a proxy as `publicOrigin` says.
    var isSecure: Bool { publicOrigin?.isSecure ?? (tls != nil) }

    /// Whether an `Origin` field names the server's own pages: those of the public origin, or, if none is set, those
    /// reached with the server's own scheme under the host that the request names.
    func isOwn(origin text: String, host: String?) -> Bool {
        guard let origin = Origin(text) else { return false }
        if let publicOrigin { return origin == publicOrigin }
        return host.flatMap(Authority.init).flatMap { Origin(scheme: tls == nil ? "http" : "https", authority: $0) }
            == origin
    }
}
