/// A well-formed STUN message (RFC 8489 §5): its type and where its parts are.
///
/// It keeps no bytes: methods that read a value are given the same datagram again. Given another one they return
/// nonsense or nil, but never trap. Only the readers that return a string or an array allocate.
public struct STUNMessage: Sendable {
    /// Bytes of the header that every message starts with.
    public static let headerSize = 20
    /// The magic cookie (RFC 8489 §5).
    public static let cookie: UInt32 = 0x2112_A442

    /// Method and class.
    public let type: STUNMessageType
    /// What ties an answer to its request.
    public let transaction: STUNTransactionID
    /// Where the MESSAGE-INTEGRITY attribute starts; nil without one.
    ///
    /// The keyed hash covers the bytes before it, with a length field as if the message ended 24 bytes after this
    /// offset (RFC 8489 §14.5). It has not been checked.
    public let integrityOffset: Int?
    /// Whether it has a FINGERPRINT; if so, it was found correct.
    public let hasFingerprint: Bool

    /// Reads one datagram, which must be one whole message.
    /// - Throws: `STUNError` when the datagram is not a STUN message, is malformed, or has a wrong FINGERPRINT.
    public init(_ datagram: Span<UInt8>) throws(STUNError) {
        guard let code = datagram.bigEndian16(at: 0), let length = datagram.bigEndian16(at: 2),
            let cookie = datagram.bigEndian32(at: 4), let high = datagram.bigEndian32(at: 8),
            let low = datagram.bigEndian64(at: 12)
        else { throw STUNError(.tooShort) }
        guard let type = STUNMessageType(code: code), cookie == Self.cookie else { throw STUNError(.notSTUN) }
        guard length % 4 == 0, datagram.count == Self.headerSize + Int(length) else { throw STUNError(.badLength) }
        self.type = type
        transaction = STUNTransactionID(high: high, low: low)

        var integrityOffset: Int?
        var hasFingerprint = false
        var offset = Self.headerSize
        while offset < datagram.count {
            // FINGERPRINT must be the last attribute (RFC 8489 §14.7).
            guard !hasFingerprint, let attribute = STUNAttribute(at: offset, in: datagram) else {
                throw STUNError(.badAttribute)
            }
            switch attribute.type {
            case .messageIntegrity:
                guard attribute.value.count == 20 else { throw STUNError(.badAttribute) }
                integrityOffset = integrityOffset ?? offset
            case .fingerprint:
                guard attribute.value.count == 4 else { throw STUNError(.badAttribute) }
                guard datagram.bigEndian32(at: offset + 4) == STUNFingerprint.value(of: datagram, count: offset) else {
                    throw STUNError(.wrongFingerprint)
                }
                hasFingerprint = true
            default:
                break
            }
            offset = attribute.end
        }
        self.integrityOffset = integrityOffset
        self.hasFingerprint = hasFingerprint
    }
}

/// Where one attribute of a message is.
public struct STUNAttribute: Hashable, Sendable {
    /// What it is.
    public let type: STUNAttributeType
    /// Offsets of its value within the message, without padding.
    public let value: Range<Int>

    /// The offset after its padding.
    var end: Int { value.upperBound + (4 - value.count % 4) % 4 }

    /// Reads type and length; nil when the attribute with its padding does not fit into the message.
    init?(at offset: Int, in message: Span<UInt8>) {
        guard let code = message.bigEndian16(at: offset), let length = message.bigEndian16(at: offset + 2) else {
            return nil
        }
        type = STUNAttributeType(rawValue: code)
        value = offset + 4..<offset + 4 + Int(length)
        guard end <= message.count else { return nil }
    }
}

/// Iterates over a message's attributes in their order.
///
/// Attributes after a MESSAGE-INTEGRITY are skipped, except MESSAGE-INTEGRITY-SHA256 and FINGERPRINT, since anybody on
/// the path could have added them (RFC 8489 §14.5, §14.6).
public struct STUNAttributeCursor: Sendable {
    private var offset = STUNMessage.headerSize
    private var integrity: STUNAttributeType?

    /// Starts before the first attribute.
    public init() {}

    /// The next attribute; nil after the last.
    public mutating func next(in message: Span<UInt8>) -> STUNAttribute? {
        while let attribute = STUNAttribute(at: offset, in: message) {
            offset = attribute.end
            guard isCovered(attribute.type) else { continue }
            if attribute.type == .messageIntegrity || attribute.type == .messageIntegritySHA256 {
                integrity = attribute.type
            }
            return attribute
        }
        return nil
    }

    private func isCovered(_ type: STUNAttributeType) -> Bool {
        switch integrity {
        case nil: true
        case .messageIntegrity: type == .messageIntegritySHA256 || type == .fingerprint
        default: type == .fingerprint
        }
    }
}

/// Why a datagram is not a valid STUN message.
public struct STUNError: Error, Hashable, Sendable {
    /// What is wrong.
    public enum Code: Hashable, Sendable {
        /// Fewer bytes than a header has.
        case tooShort
        /// The first two bits are not 0, or the magic cookie is another number.
        case notSTUN
        /// The length field does not match the datagram, or is not a multiple of 4.
        case badLength
        /// An attribute that reaches past the end, has an invalid length, or follows FINGERPRINT.
        case badAttribute
        /// FINGERPRINT does not match the message.
        case wrongFingerprint
    }

    /// What is wrong.
    public let code: Code

    init(_ code: Code) {
        self.code = code
    }

    /// One line for people.
    public var message: String {
        switch code {
        case .tooShort: "shorter than a STUN header"
        case .notSTUN: "not a STUN message"
        case .badLength: "the length field does not fit the datagram"
        case .badAttribute: "an attribute is malformed"
        case .wrongFingerprint: "the fingerprint is wrong"
        }
    }
}
