extension Span<UInt8> {
    /// Two bytes, big endian; nil when they are out of bounds.
    func bigEndian16(at offset: Int) -> UInt16? {
        guard offset >= 0, offset <= count - 2 else { return nil }
        return UInt16(self[offset]) << 8 | UInt16(self[offset + 1])
    }

    /// Four bytes, big endian; nil when they are out of bounds.
    func bigEndian32(at offset: Int) -> UInt32? {
        guard let high = bigEndian16(at: offset), let low = bigEndian16(at: offset + 2) else { return nil }
        return UInt32(high) << 16 | UInt32(low)
    }

    /// Eight bytes, big endian; nil when they are out of bounds.
    func bigEndian64(at offset: Int) -> UInt64? {
        guard let high = bigEndian32(at: offset), let low = bigEndian32(at: offset + 4) else { return nil }
        return UInt64(high) << 32 | UInt64(low)
    }
}

extension MutableSpan<UInt8> {
    /// Writes a number in big endian; the caller has checked that there is room.
    mutating func store(_ number: some FixedWidthInteger & UnsignedInteger, at offset: Int) {
        let width = number.bitWidth / 8
        for index in 0..<width {
            self[offset + index] = UInt8(truncatingIfNeeded: number >> ((width - 1 - index) * 8))
        }
    }
}
