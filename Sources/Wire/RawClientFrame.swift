/// A client's frame before it is decoded: what a scan of its bytes shows.
///
/// The scan costs one pass over the bytes and no allocation, whatever a peer sends. Decoding would not be so cheap: the
/// decoder merges a command that occurs twice in a frame, and copies what it has of it each time. So a frame with two
/// commands is found here and never decoded.
public struct RawClientFrame: Sendable {
    /// `ClientFrame.id`, wherever it is in the frame; 0 when there is none, or when the frame is broken before it.
    public let id: UInt32
    /// Whether its command is `hello`.
    public let isHello: Bool
    private let encoding: Encoding
    private let bytes: [UInt8]
    private let fault: WireFault?
    /// Whether the decoder would misread a part of it, see `JSONOutline.joiningSurrogates(in:)`.
    private let hasSurrogatePairs: Bool

    /// Scans a frame.
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

    /// Decodes it; call it only once.
    /// - Throws: `malformed` for anything but a frame with at most one command.
    public func decoded() throws(WireFault) -> WireClientFrame {
        if let fault { throw fault }
        return try encoding.decodeOutlined(
            WireClientFrame.self, from: hasSurrogatePairs ? JSONOutline.joiningSurrogates(in: bytes) : bytes)
    }
}
