/// What a STUN message is: a method and a class (RFC 8489 §5).
public struct STUNMessageType: Hashable, Sendable {
    /// The part a message plays in a transaction.
    public enum Class: UInt16, Sendable, CaseIterable {
        /// Wants an answer.
        case request = 0
        /// Wants none.
        case indication = 1
        /// Answers a request that was granted.
        case success = 2
        /// Answers a request that was refused.
        case failure = 3
    }

    /// The method, 0 to 0xFFF; Binding is 1.
    public let method: UInt16
    /// The part it plays.
    public let messageClass: Class

    /// Combines a method and a class; only the lowest 12 bits of the method are used.
    public init(method: UInt16, _ messageClass: Class) {
        self.method = method & 0xFFF
        self.messageClass = messageClass
    }

    /// Reads the first 16 bits of a message; nil when their two highest are not 0.
    public init?(code: UInt16) {
        let bits = code >> 7 & 0b10 | code >> 4 & 0b01
        guard code >> 14 == 0, let messageClass = Class(rawValue: bits) else { return nil }
        self.init(method: code >> 2 & 0xF80 | code >> 1 & 0x070 | code & 0x00F, messageClass)
    }

    /// The first 16 bits of a message of this type: the class's two bits lie between those of the method.
    public var code: UInt16 {
        let bits = messageClass.rawValue
        return (method & 0xF80) << 2 | (method & 0x070) << 1 | method & 0x00F | (bits & 0b10) << 7 | (bits & 0b01) << 4
    }

    /// A Binding request.
    public static let bindingRequest = STUNMessageType(method: 1, .request)
    /// A Binding indication.
    public static let bindingIndication = STUNMessageType(method: 1, .indication)
    /// The answer to a Binding request that was granted.
    public static let bindingSuccess = STUNMessageType(method: 1, .success)
    /// The answer to a Binding request that was refused.
    public static let bindingFailure = STUNMessageType(method: 1, .failure)
}

/// The 96 bits that tie an answer to its request (RFC 8489 §5). A client draws them at random.
public struct STUNTransactionID: Hashable, Sendable {
    /// The first four bytes, big endian.
    public let high: UInt32
    /// The last eight bytes, big endian.
    public let low: UInt64

    /// Makes an id of its two parts.
    public init(high: UInt32, low: UInt64) {
        self.high = high
        self.low = low
    }
}
