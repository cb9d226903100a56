import MediaCore
import Testing

/// A message of RFC 5769, the test vectors for STUN.
struct Vector: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let bytes: [UInt8]

    init(_ name: String, _ hex: String) {
        testDescription = name
        bytes = hexadecimal(hex)
    }

    /// §2.1: with a short-term credential; its padding is not zero.
    static let request = Vector(
        "§2.1 request",
        """
        00010058 2112a442 b7e7a701bc34d686fa87dfae 80220010 5354554e207465737420636c69656e74 00240004 6e0001ff
        80290008 932ff9b151263b36 00060009 6576746a3a68367659202020
        00080014 9aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2 80280004 e57a3bcf
        """)
    /// §2.2: 192.0.2.1, port 32853.
    static let responseV4 = Vector(
        "§2.2 IPv4 response",
        """
        0101003c 2112a442 b7e7a701bc34d686fa87dfae 8022000b 7465737420766563746f7220 00200008 0001a147e112a643
        00080014 2b91f599fd9e90c38c7489f92af9ba53f06be7d7 80280004 c07d4c96
        """)
    /// §2.3: 2001:db8:1234:5678:11:2233:4455:6677, port 32853.
    static let responseV6 = Vector(
        "§2.3 IPv6 response",
        """
        01010048 2112a442 b7e7a701bc34d686fa87dfae 8022000b 7465737420766563746f7220
        00200014 0002a1470113a9faa5d3f179bc25f4b5bed2b9d9
        00080014 a382954e4be67bf11784c97c8292c275bfe3ed41 80280004 c8fb0b4c
        """)
    /// §2.4: with a long-term credential; no fingerprint.
    static let longTermRequest = Vector(
        "§2.4 long-term request",
        """
        00010060 2112a442 78ad3433c6ad72c029da412e 00060012 e3839ee38388e383aae38383e382afe382b90000
        0015001c 662f2f3439396b3935346436 4f4c33346f4c394653547679363473 41 0014000b 6578616d706c652e6f726700
        00080014 f67024656dd64a3e02b8e0712e85c9a28ca89666
        """)

    static let all = [request, responseV4, responseV6, longTermRequest]
}

/// Reads hexadecimal digits and skips all other characters.
func hexadecimal(_ text: String) -> [UInt8] {
    let digits = text.compactMap(\.hexDigitValue).map { UInt8($0) }
    return stride(from: 0, to: digits.count - 1, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
}

/// The FINGERPRINT value for the bytes before it (RFC 8489 §14.7), computed bit by bit.
func fingerprint(of bytes: ArraySlice<UInt8>) -> UInt32 {
    let value = bytes.reduce(UInt32.max) { rest, byte in
        (0..<8).reduce(rest ^ UInt32(byte)) { rest, _ in rest & 1 == 0 ? rest >> 1 : rest >> 1 ^ 0xEDB8_8320 }
    }
    return ~value ^ 0x5354_554E
}

/// A message together with its bytes. (The Testing macros take no spans.)
struct Parsed {
    let message: STUNMessage
    let bytes: [UInt8]

    init(_ bytes: [UInt8]) throws(STUNError) {
        message = try STUNMessage(bytes.span)
        self.bytes = bytes
    }

    var xorMappedAddress: TransportAddress? { message.xorMappedAddress(in: bytes.span) }
    var errorCode: Int? { message.errorCode(in: bytes.span) }
    var unknownAttributes: [STUNAttributeType]? { message.unknownAttributes(in: bytes.span) }
    func value(of type: STUNAttributeType) -> Range<Int>? { message.value(of: type, in: bytes.span) }
    func text(of type: STUNAttributeType) -> String? { message.text(of: type, in: bytes.span) }

    /// All attributes that a cursor returns.
    var attributes: [STUNAttribute] {
        var cursor = STUNAttributeCursor()
        var found: [STUNAttribute] = []
        while let attribute = cursor.next(in: bytes.span) { found.append(attribute) }
        return found
    }
}

/// Writes a message with what the closure appends.
func written(
    _ type: STUNMessageType, _ transaction: STUNTransactionID, room: Int = 512,
    _ append: (inout STUNWriter, inout MutableSpan<UInt8>) -> Void
) -> [UInt8]? {
    // Filled, so that bytes that the writer skips are noticed.
    var bytes = [UInt8](repeating: 0xEE, count: room)
    var span = bytes.mutableSpan
    var writer = STUNWriter(type, transaction, to: &span)
    append(&writer, &span)
    return writer.finish().map { Array(bytes[..<$0]) }
}

/// The outcome of a datagram in the responder, and the answer if there is one.
func responded(
    to datagram: [UInt8], from source: TransportAddress
) -> (outcome: STUNResponder.Outcome, answer: [UInt8]?) {
    var bytes = [UInt8](repeating: 0xEE, count: STUNResponder.longestAnswer)
    var span = bytes.mutableSpan
    let outcome = STUNResponder.respond(to: datagram.span, from: source, into: &span)
    guard case .answer(let count) = outcome else { return (outcome, nil) }
    return (outcome, Array(bytes[..<count]))
}

/// Addresses of the documentation ranges (RFC 5737, RFC 3849).
let clientV4 = TransportAddress(.v4(0xC000_0201), port: 32853)
let clientV6 = TransportAddress(.v6(high: 0x2001_0db8_1234_5678, low: 0x0011_2233_4455_6677), port: 32853)
let someTransaction = STUNTransactionID(high: 0xB7E7_A701, low: 0xBC34_D686_FA87_DFAE)
