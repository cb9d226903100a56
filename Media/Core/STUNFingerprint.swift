/// The check that distinguishes STUN from data that only looks like it (RFC 8489 §14.7).
enum STUNFingerprint {
    /// CRC-32 of ITU V.42, bit-reversed polynomial, one byte at a time.
    private static let table: [UInt32] = (0..<256).map { byte in
        (0..<8).reduce(UInt32(byte)) { rest, _ in rest & 1 == 0 ? rest >> 1 : rest >> 1 ^ 0xEDB8_8320 }
    }

    /// The value for a message whose first `count` bytes precede the attribute; the length field already includes it.
    static func value(of message: Span<UInt8>, count: Int) -> UInt32 {
        var rest = UInt32.max
        for index in 0..<min(max(0, count), message.count) {
            rest = rest >> 8 ^ table[Int(UInt8(truncatingIfNeeded: rest) ^ message[index])]
        }
        return ~rest ^ 0x5354_554E
    }
}
