/// Writes a STUN message into a buffer of the caller (RFC 8489 §5, §14).
///
/// Every call is given the same buffer. After each call the message so far is complete, with a correct length field. An
/// attribute that does not fit is left out, and `finish` then returns nil. Nothing is allocated.
public struct STUNWriter: Sendable {
    private let transaction: STUNTransactionID
    private var count = STUNMessage.headerSize
    private var isOverfull = false

    /// Writes the header.
    public init(_ type: STUNMessageType, _ transaction: STUNTransactionID, to buffer: inout MutableSpan<UInt8>) {
        self.transaction = transaction
        guard buffer.count >= STUNMessage.headerSize else {
            isOverfull = true
            return
        }
        buffer.store(type.code, at: 0)
        buffer.store(UInt16(0), at: 2)
        buffer.store(STUNMessage.cookie, at: 4)
        buffer.store(transaction.high, at: 8)
        buffer.store(transaction.low, at: 12)
    }

    /// The message's length in bytes; nil when something did not fit.
    public func finish() -> Int? {
        isOverfull ? nil : count
    }

    /// Writes an attribute of any type.
    public mutating func append(_ type: STUNAttributeType, _ value: Span<UInt8>, to buffer: inout MutableSpan<UInt8>) {
        guard let start = open(type, size: value.count, in: &buffer) else { return }
        for index in value.indices { buffer[start + index] = value[index] }
    }

    /// Writes USERNAME, REALM, NONCE or SOFTWARE.
    public mutating func append(_ type: STUNAttributeType, text: String, to buffer: inout MutableSpan<UInt8>) {
        append(type, text.utf8.span, to: &buffer)
    }

    /// Writes XOR-MAPPED-ADDRESS (RFC 8489 §14.2).
    public mutating func appendXORMappedAddress(_ address: TransportAddress, to buffer: inout MutableSpan<UInt8>) {
        let port = address.port ^ UInt16(truncatingIfNeeded: STUNMessage.cookie >> 16)
        switch address.host {
        case .v4(let number):
            guard let start = open(.xorMappedAddress, size: 8, in: &buffer) else { return }
            buffer.store(UInt16(1), at: start)
            buffer.store(port, at: start + 2)
            buffer.store(number ^ STUNMessage.cookie, at: start + 4)
        case .v6(let high, let low):
            guard let start = open(.xorMappedAddress, size: 20, in: &buffer) else { return }
            buffer.store(UInt16(2), at: start)
            buffer.store(port, at: start + 2)
            buffer.store(high ^ transaction.mask, at: start + 4)
            buffer.store(low ^ transaction.low, at: start + 12)
        }
    }

    /// Writes ERROR-CODE (RFC 8489 §14.8).
    /// - Parameters:
    ///   - code: 300 to 699; another number is not written, and `finish` returns nil.
    ///   - reason: For people.
    public mutating func appendErrorCode(_ code: Int, reason: String, to buffer: inout MutableSpan<UInt8>) {
        guard (300...699).contains(code) else {
            isOverfull = true
            return
        }
        let phrase = reason.utf8.span
        guard let start = open(.errorCode, size: 4 + phrase.count, in: &buffer) else { return }
        buffer.store(UInt16(0), at: start)
        buffer[start + 2] = UInt8(code / 100)
        buffer[start + 3] = UInt8(code % 100)
        for index in phrase.indices { buffer[start + 4 + index] = phrase[index] }
    }

    /// Writes UNKNOWN-ATTRIBUTES (RFC 8489 §14.13).
    public mutating func appendUnknownAttributes(
        _ types: Span<STUNAttributeType>, to buffer: inout MutableSpan<UInt8>
    ) {
        guard types.count <= 0x7FFF, let start = open(.unknownAttributes, size: types.count * 2, in: &buffer) else {
            isOverfull = true
            return
        }
        for index in types.indices { buffer.store(types[index].rawValue, at: start + index * 2) }
    }

    /// Writes FINGERPRINT (RFC 8489 §14.7); nothing may be written after it.
    public mutating func appendFingerprint(to buffer: inout MutableSpan<UInt8>) {
        guard let start = open(.fingerprint, size: 4, in: &buffer) else { return }
        buffer.store(STUNFingerprint.value(of: buffer.span, count: start - 4), at: start)
    }

    /// Writes type, length and padding of an attribute; the offset of its value, or nil when it does not fit.
    private mutating func open(
        _ type: STUNAttributeType, size: Int, in buffer: inout MutableSpan<UInt8>
    ) -> Int? {
        let padding = (4 - size % 4) % 4
        let limit = min(buffer.count, STUNMessage.headerSize + 0xFFFC)
        guard !isOverfull, size <= 0xFFFF, count + 4 + size + padding <= limit else {
            isOverfull = true
            return nil
        }
        let start = count + 4
        buffer.store(type.rawValue, at: count)
        buffer.store(UInt16(size), at: count + 2)
        for index in start + size..<start + size + padding { buffer[index] = 0 }
        count = start + size + padding
        buffer.store(UInt16(count - STUNMessage.headerSize), at: 2)
        return start
    }
}
