import NIOCore
import NIOHTTP1
import Wire

/// What a socket is opened for.
enum SocketPurpose: Equatable {
    /// To speak the socket protocol in this encoding.
    case session(Encoding)
    /// To get every message back, so that a conformance suite can see how frames are handled.
    case echo
}

/// What the head of a connection's first request asks for.
enum UpgradeRequest: Equatable {
    /// The path of the socket.
    static let path = "/v1/socket"
    /// The path of the echo.
    static let echoPath = "/v1/echo"

    /// It does not ask for a socket.
    case http
    /// A socket.
    case socket(SocketPurpose)
    /// An invalid request for a socket.
    case refused(Refusal)

    /// Why the socket is refused.
    typealias Refusal = RequestRefusal

    /// Parses a request's head (RFC 6455 §4.2.1).
    /// - Parameter configuration: Says whose pages may open sockets, and whether there is an echo.
    init(_ head: HTTPRequestHead, configuration: GatewayConfiguration) {
        let path = String(head.uri.prefix { $0 != "?" })
        let isEcho = configuration.echoes && Route.isSame(path, as: Self.echoPath)
        guard isEcho || Route.isSame(path, as: Self.path) else {
            self = .http
            return
        }
        if let refusal = Self.refusal(of: head, configuration: configuration) {
            self = .refused(refusal)
            return
        }
        let offered = head.headers[canonicalForm: "sec-websocket-protocol"]
        if isEcho {
            self = .socket(.echo)
        } else if let encoding = offered.lazy.compactMap({ Encoding(subprotocol: $0) }).first {
            self = .socket(.session(encoding))
        } else {
            let known = Encoding.allCases.map(\.subprotocol).joined(separator: " or ")
            self = .refused(.invalid("Sec-WebSocket-Protocol must offer \(known)."))
        }
    }

    private static func refusal(of head: HTTPRequestHead, configuration: GatewayConfiguration) -> Refusal? {
        guard head.method == .GET else {
            return Refusal(
                status: .methodNotAllowed, code: .invalid, message: "A socket is opened with GET.",
                headers: ["allow": "GET"])
        }
        guard head.version == .http1_1 else { return .invalid("A socket needs HTTP/1.1.") }
        let headers = head.headers
        guard headers[canonicalForm: "upgrade"].contains(where: { $0.lowercased() == "websocket" }) else {
            return Refusal(
                status: .upgradeRequired, code: .invalid, message: "This is a WebSocket: send Upgrade: websocket.",
                headers: ["upgrade": "websocket"])
        }
        guard headers[canonicalForm: "connection"].contains(where: { $0.lowercased() == "upgrade" }) else {
            return .invalid("The header Connection must include upgrade.")
        }
        guard headers["sec-websocket-version"] == ["13"] else {
            return Refusal(
                status: .upgradeRequired, code: .invalid, message: "Sec-WebSocket-Version must be 13.",
                headers: ["upgrade": "websocket", "sec-websocket-version": "13"])
        }
        let keys = headers["sec-websocket-key"]
        guard keys.count == 1, isKey(keys[0]) else { return .invalid("Sec-WebSocket-Key must be 16 bytes in base64.") }
        guard (headers.first(name: "content-length") ?? "0") == "0", !headers.contains(name: "transfer-encoding") else {
            return .invalid("A request for a socket must not have a body.")
        }
        guard mayOpen(headers, configuration: configuration) else {
            return Refusal(
                status: .forbidden, code: .forbidden, message: "Pages of this origin may not open sockets here.")
        }
        return nil
    }

    /// Whether it is the base64 form of 16 bytes.
    private static func isKey(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard bytes.count == 24, bytes.suffix(2) == Array("==".utf8) else { return false }
        return bytes.dropLast(2).allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "/"):
                true
            default: false
            }
        }
    }

    /// Whether the requesting page, if it is a page, is our own or one that was configured.
    private static func mayOpen(_ headers: HTTPHeaders, configuration: GatewayConfiguration) -> Bool {
        let origins = headers["origin"]
        guard let origin = origins.first else { return true }
        guard origins.count == 1 else { return false }
        if configuration.isOwn(origin: origin, host: headers.first(name: "host")) { return true }
        return Origin(origin).map(configuration.allowedOrigins.contains) ?? false
    }
}

extension UpgradeRequest.Refusal {
    /// The address has too many sockets.
    static let tooManySockets = Self(
        status: .tooManyRequests, code: .rateLimited, message: "Too many sockets are open from this address.",
        headers: ["retry-after": "10"])
}
