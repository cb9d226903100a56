/// Which protocol a datagram on a shared port speaks, determined by its first byte (RFC 7983 §7).
public enum DatagramKind: Hashable, Sendable {
    /// 0 to 3: STUN (RFC 8489).
    case stun
    /// 16 to 19: ZRTP (RFC 6189).
    case zrtp
    /// 20 to 63: DTLS (RFC 6347).
    case dtls
    /// 64 to 79: a TURN channel (RFC 8656 §12).
    case turnChannel
    /// 128 to 191: RTP or RTCP, told apart by the second byte (RFC 5761 §4).
    case media

    /// Tells the protocol; nil for bytes that belong to none, in which case the datagram is dropped.
    public init?(firstByte: UInt8) {
        switch firstByte {
        case 0...3: self = .stun
        case 16...19: self = .zrtp
        case 20...63: self = .dtls
        case 64...79: self = .turnChannel
        case 128...191: self = .media
        default: return nil
        }
    }
}
