/// Answers Binding requests: a basic STUN server (RFC 8489 §12), without sockets.
///
/// It keeps nothing between datagrams, asks for no credentials, and answers only requests, so that two of them never
/// talk to each other. It must be useless for spoofed requests: an answer has at most one and a half times the bytes of
/// its request. Only the requests that browsers send, a bare header or one with a FINGERPRINT, may get an answer with
/// just the address where that is longer.
public enum STUNResponder {
    /// No answer has more bytes: a refusal that lists sixteen attributes and has a fingerprint.
    public static let longestAnswer = 72

    /// How many unknown attributes a refusal names.
    private static let listedAttributes = 16

    /// The result of a datagram.
    public enum Outcome: Hashable, Sendable {
        /// An answer of this many bytes is in the buffer, for the datagram's source.
        case answer(count: Int)
        /// A message that wants no answer or is not for us: an indication, an answer, another method.
        case silence
        /// Not a STUN message; nothing is sent.
        case malformed(STUNError)
    }

    /// Takes one datagram.
    /// - Parameters:
    ///   - datagram: The bytes, as received.
    ///   - source: Where they came from.
    ///   - buffer: Where the answer goes; `longestAnswer` bytes are enough, and with fewer there may be none.
    public static func respond(
        to datagram: Span<UInt8>, from source: TransportAddress, into buffer: inout MutableSpan<UInt8>
    ) -> Outcome {
        let request: STUNMessage
        do {
            request = try STUNMessage(datagram)
        } catch {
            return .malformed(error)
        }
        // Nobody can be answered at port 0.
        guard request.type == .bindingRequest, source.port != 0 else { return .silence }

        var unknown = [16 of STUNAttributeType](repeating: .username)
        var unknownCount = 0
        var cursor = STUNAttributeCursor()
        while let attribute = cursor.next(in: datagram), unknownCount < listedAttributes {
            let type = attribute.type
            guard type.isComprehensionRequired, !isKnown(type) else { continue }
            guard !(0..<unknownCount).contains(where: { unknown[$0] == type }) else { continue }
            unknown[unknownCount] = type
            unknownCount += 1
        }

        var writer: STUNWriter
        if unknownCount == 0 {
            writer = STUNWriter(.bindingSuccess, request.transaction, to: &buffer)
            writer.appendXORMappedAddress(source, to: &buffer)
        } else {
            // RFC 8489 §6.3.1. The reason phrase is left empty: it is for people, and there is no room for it.
            writer = STUNWriter(.bindingFailure, request.transaction, to: &buffer)
            writer.appendErrorCode(420, reason: "", to: &buffer)
            writer.appendUnknownAttributes(unknown.span.extracting(0..<unknownCount), to: &buffer)
        }
        let limit = datagram.count + datagram.count / 2
        guard let count = writer.finish(), count <= limit || isOfBrowsers(request, count: datagram.count) else {
            return .silence
        }
        // RFC 8489 §7 requires it in the answer only if the usage does, and this one does not.
        if request.hasFingerprint, count + fingerprintSize <= limit { writer.appendFingerprint(to: &buffer) }
        return writer.finish().map(Outcome.answer(count:)) ?? .silence
    }

    /// Bytes of a FINGERPRINT with its type and length.
    private static let fingerprintSize = 8

    /// Whether it is a request as browsers send it to a STUN server: a header (Chromium) or a header and a FINGERPRINT
    /// (Firefox). Over IPv6 even the shortest answer is 2.2 and 1.6 times as long, over IPv4 1.6 times and no longer.
    private static func isOfBrowsers(_ request: STUNMessage, count: Int) -> Bool {
        count == STUNMessage.headerSize || request.hasFingerprint && count == STUNMessage.headerSize + fingerprintSize
    }

    /// The attributes of RFC 8489. Credentials are understood but not asked for, so they change nothing. Those of ICE
    /// and of NAT behaviour discovery (RFC 5780) belong to other usages and are refused.
    private static func isKnown(_ type: STUNAttributeType) -> Bool {
        switch type {
        case .username, .messageIntegrity, .errorCode, .unknownAttributes, .realm, .nonce, .messageIntegritySHA256,
            .passwordAlgorithm, .userHash, .xorMappedAddress, .mappedAddress:
            true
        default:
            false
        }
    }
}
