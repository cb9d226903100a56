/// A frame of a client before it is decoded: what its bytes tell at a glance.
///
/// To look costs one pass over the bytes and no allocation, whatever a peer has put into them. Decoding would not be so
/// cheap: the decoder merges a command that stands in a frame twice, and copies what it has of it each time. So a frame
/// with two commands is found here, and never decoded.
public struct RawClientFrame: Sendable {
    /// `ClientFrame.id`, wherever in the frame it stands; 0 when there is none, or when the frame is broken before it.
    public let id: UInt32
    /// Whether its command is `hello`.
    public let isHello: Bool
    private let encoding: Encoding
    private let bytes: [UInt8]
    private let fault: WireFault?
    /// Whether the decoder would take a part of it for something else, see `JSONOutline.joiningSurrogates(in:)`.
    private let hasSurrogatePairs: Bool

    /// Looks at a frame.
    public init(_ bytes: [UInt8], as encoding: Encoding) {
        self.bytes = bytes
        self.encoding = encoding
        switch encoding {
        case .protobuf:
            let outline = ProtobufOutline(of: bytes)
            (id, isHello, fault) = (outline.id, outline.isHello, outline.fault)
            hasSurrogatePairs = false
        case .json:
            let outline = JSONOutline(of: bytes)
            (id, isHello, fault) = (outline.id, outline.isHello, outline.fault)
            hasSurrogatePairs = outline.hasSurrogatePairs
        }
    }

    /// Decodes it; to be done once.
    /// - Throws: `malformed` for anything that is no frame with one command at most.
    public func decoded() throws(WireFault) -> WireClientFrame {
        if let fault { throw fault }
        return try encoding.decodeOutlined(
            WireClientFrame.self, from: hasSurrogatePairs ? JSONOutline.joiningSurrogates(in: bytes) : bytes)
    }
}
