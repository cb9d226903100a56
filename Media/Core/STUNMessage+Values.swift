/// Values of attributes. If an attribute occurs twice, the first one counts (RFC 8489 §14).
extension STUNMessage {
    /// Where the value of the first attribute of a type is; nil without one.
    public func value(of type: STUNAttributeType, in datagram: Span<UInt8>) -> Range<Int>? {
        var cursor = STUNAttributeCursor()
        while let attribute = cursor.next(in: datagram) {
            if attribute.type == type { return attribute.value }
        }
        return nil
    }

    /// The text of USERNAME, REALM, NONCE or SOFTWARE; nil without one, or when it is not UTF-8.
    public func text(of type: STUNAttributeType, in datagram: Span<UInt8>) -> String? {
        guard let range = value(of: type, in: datagram),
            let text = try? UTF8Span(validating: datagram.extracting(range))
        else { return nil }
        return String(copying: text)
    }

    /// XOR-MAPPED-ADDRESS (RFC 8489 §14.2); nil without one, or when it is neither an IPv4 nor an IPv6 address.
    public func xorMappedAddress(in datagram: Span<UInt8>) -> TransportAddress? {
        guard let range = value(of: .xorMappedAddress, in: datagram), range.count >= 4,
            let port = datagram.bigEndian16(at: range.lowerBound + 2)
        else { return nil }
        let plainPort = port ^ UInt16(truncatingIfNeeded: Self.cookie >> 16)
        let start = range.lowerBound + 4
        switch (datagram[range.lowerBound + 1], range.count) {
        case (1, 8):
            guard let number = datagram.bigEndian32(at: start) else { return nil }
            return TransportAddress(.v4(number ^ Self.cookie), port: plainPort)
        case (2, 20):
            guard let high = datagram.bigEndian64(at: start), let low = datagram.bigEndian64(at: start + 8) else {
                return nil
            }
            return TransportAddress(.v6(high: high ^ transaction.mask, low: low ^ transaction.low), port: plainPort)
        default:
            return nil
        }
    }

    /// The number of ERROR-CODE, 300 to 699 (RFC 8489 §14.8); nil without one, or when it is out of range.
    public func errorCode(in datagram: Span<UInt8>) -> Int? {
        guard let range = value(of: .errorCode, in: datagram), range.count >= 4 else { return nil }
        let hundreds = Int(datagram[range.lowerBound + 2] & 0b111)
        let rest = Int(datagram[range.lowerBound + 3])
        guard (3...6).contains(hundreds), rest < 100 else { return nil }
        return hundreds * 100 + rest
    }

    /// The types that UNKNOWN-ATTRIBUTES lists (RFC 8489 §14.13); nil without one.
    public func unknownAttributes(in datagram: Span<UInt8>) -> [STUNAttributeType]? {
        guard let range = value(of: .unknownAttributes, in: datagram) else { return nil }
        return stride(from: range.lowerBound, to: range.upperBound - 1, by: 2)
            .compactMap { datagram.bigEndian16(at: $0).map(STUNAttributeType.init(rawValue:)) }
    }
}

extension STUNTransactionID {
    /// What the first eight bytes of an IPv6 address are mixed with: the cookie and the first four bytes of the id.
    var mask: UInt64 { UInt64(STUNMessage.cookie) << 32 | UInt64(high) }
}
