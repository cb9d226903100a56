/// The fields of a protobuf message, one after the other, without their contents.
struct ProtobufFields {
    /// A field in the bytes.
    struct Field {
        /// Its number in the schema; 0 is invalid and refused by the decoder.
        var number: UInt64
        /// Its value if it is a varint, else 0.
        var value: UInt64 = 0
        /// Where its contents are, if it has a length: a text, bytes or a message.
        var contents: Range<Int>?
    }

    private let bytes: [UInt8]
    private let end: Int
    private var index: Int

    /// Starts before the first field of a message.
    /// - Parameter range: Where the message is in the bytes; all of them when nil.
    init(of bytes: [UInt8], in range: Range<Int>? = nil) {
        self.bytes = bytes
        (index, end) = (range?.lowerBound ?? 0, range?.upperBound ?? bytes.count)
    }

    /// Moves to the next field; nil after the last one.
    /// - Throws: `malformed` when the next field is invalid; it must not be called again then.
    mutating func next() throws(WireFault) -> Field? {
        guard index < end else { return nil }
        let tag = try varint()
        var field = Field(number: tag >> 3)
        switch tag & 7 {
        case 0: field.value = try varint()
        case 1: index += 8
        case 2:
            let length = try varint()
            guard length <= UInt64(end - index) else { throw .truncated }
            field.contents = index..<index + Int(length)
            index += Int(length)
        case 5: index += 4
        // Groups (3 and 4) belong to protobuf's second version.
        default: throw WireFault(.malformed, "A field of the frame has an unsupported wire type.")
        }
        guard index <= end else { throw .truncated }
        return field
    }

    private mutating func varint() throws(WireFault) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while index < end, shift < 64 {
            let byte = bytes[index]
            index += 1
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
        throw .truncated
    }
}

extension WireFault {
    fileprivate static let truncated = WireFault(.malformed, "The frame ends within a field.")
}
