/// The check that tells STUN from what merely looks like it (RFC 8489 §14.7).
enum STUNFingerprint {
    /// CRC-32 of ITU V.42, the polynomial's bits reversed, a byte at a time.
    private static let table: [UInt32] = (0..<256).map { byte in
        (0..<8).reduce(UInt32(byte)) { rest, _ in rest & 1 == 0 ? rest >> 1 : rest >> 1 ^ 0xEDB8_8320 }
    }

    /// The value for a message whose first `count` bytes come before the attribute, the length field counting it in.
    static func value(of message: Span<UInt8>, count: Int) -> UInt32 {
        var rest = UInt32.max
        for index in 0..<min(max(0, count), message.count) {
            rest = rest >> 8 ^ table[Int(UInt8(truncatingIfNeeded: rest) ^ message[index])]
        }
        return ~rest ^ 0x5354_554E
    }
}
