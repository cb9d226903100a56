/// Why a socket is closed, as in the WebSocket close frame (RFC 6455 §7.4).
///
/// 1002 to 1009 are the protocol's own. After 4000 to 4499 of ours a client reconnects (with jitter); after 4500 to
/// 4999 it must change something first.
package enum CloseCode: UInt16, Sendable, CaseIterable {
    /// The peer broke RFC 6455.
    case protocolError = 1002
    /// A text message on a binary socket, or the reverse.
    case unsupportedData = 1003
    /// A text message that is not UTF-8.
    case invalidText = 1007
    /// A message over 256 KiB, or a first message over 16 KiB.
    case messageTooBig = 1009
    /// An internal error of the server.
    case internalError = 1011

    /// The server is shutting down.
    case goingAway = 4000
    /// Nothing was received from the client for too long.
    case heartbeatLost = 4001
    /// The client reads too slowly and is too far behind.
    case slow = 4002
    /// The client did not say hello in time.
    case helloTimeout = 4003
    /// The server cannot reach its data, so nobody can be admitted.
    case unavailable = 4004

    /// The client does not follow docs/protocol.md: a command before hello, too many malformed frames.
    case misbehaved = 4500
    /// The access token is not valid.
    case unauthenticated = 4501
    /// The session was ended: logged out here or elsewhere, or the account was suspended.
    case sessionRevoked = 4502
    /// The same device has opened another socket.
    case replaced = 4503
    /// The user has too many sockets.
    case tooManySockets = 4504
    /// The client sent commands long after it was told to slow down.
    case flooding = 4505

    /// The close frame's text for people; at most 123 bytes.
    package var reason: String {
        switch self {
        case .protocolError: "not WebSocket as in RFC 6455"
        case .unsupportedData: "wrong kind of message for this subprotocol"
        case .invalidText: "text that is not UTF-8"
        case .messageTooBig: "message too big"
        case .internalError: "internal error"
        case .goingAway: "going away"
        case .heartbeatLost: "heartbeat lost"
        case .slow: "slow"
        case .helloTimeout: "hello timeout"
        case .unavailable: "unavailable"
        case .misbehaved: "not the protocol"
        case .unauthenticated: "unauthenticated"
        case .sessionRevoked: "session revoked"
        case .replaced: "replaced by a newer socket of this device"
        case .tooManySockets: "too many sockets"
        case .flooding: "flooding"
        }
    }
}
