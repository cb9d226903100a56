import NIOCore
import NIOWebSocket
import Wire

/// Makes whole messages of WebSocket frames, and refuses whatever RFC 6455 forbids and the frame decoder lets through.
///
/// A plain value: it takes frames and says what is to be done. After a refusal it is not to be used again.
struct MessageAssembler {
    /// What a frame leads to.
    enum Output: Equatable {
        /// Nothing yet: a fragment, or a pong.
        case nothing
        /// A whole message.
        case message(ByteBuffer)
        /// To be answered with a pong of the same payload.
        case ping(ByteBuffer)
        /// The peer closes; the code is to be sent back, if there is one.
        case close(UInt16?)
        /// The peer is wrong; close with this.
        case refuse(CloseCode)
    }

    private let encoding: Encoding
    private let limit: Int
    private var unfinished: ByteBuffer?

    /// Makes an assembler for a socket.
    /// - Parameters:
    ///   - encoding: What the socket speaks: JSON comes in text messages, protobuf in binary ones.
    ///   - limit: The most bytes that a message may have, its fragments taken together.
    init(encoding: Encoding, limit: Int) {
        self.encoding = encoding
        self.limit = limit
    }

    /// Takes the next frame.
    mutating func handle(_ frame: WebSocketFrame) -> Output {
        // RFC 6455 §5.1 and §5.2: clients mask, and the reserved bits belong to extensions, of which we negotiate none.
        guard frame.maskKey != nil, !frame.rsv1, !frame.rsv2, !frame.rsv3 else { return .refuse(.protocolError) }
        switch frame.opcode {
        case .text, .binary:
            guard unfinished == nil else { return .refuse(.protocolError) }
            guard frame.opcode == (encoding == .json ? .text : .binary) else { return .refuse(.unsupportedData) }
            return append(frame.unmaskedData, isLast: frame.fin, to: nil)
        case .continuation:
            guard let start = unfinished else { return .refuse(.protocolError) }
            unfinished = nil
            return append(frame.unmaskedData, isLast: frame.fin, to: start)
        case .ping, .pong, .connectionClose:
            // RFC 6455 §5.5: control frames are short and whole.
            guard frame.fin, frame.length <= 125 else { return .refuse(.protocolError) }
            return control(frame)
        default:
            return .refuse(.protocolError)
        }
    }

    private mutating func append(_ piece: ByteBuffer, isLast: Bool, to start: ByteBuffer?) -> Output {
        guard piece.readableBytes <= limit - (start?.readableBytes ?? 0) else { return .refuse(.messageTooBig) }
        var whole = start ?? piece
        if start != nil { whole.writeImmutableBuffer(piece) }
        guard isLast else {
            unfinished = whole
            return .nothing
        }
        // RFC 6455 §8.1. A character may be cut in two by fragmentation, so only the whole message is looked at.
        if encoding == .json, !whole.isUTF8 { return .refuse(.invalidText) }
        return .message(whole)
    }

    private func control(_ frame: WebSocketFrame) -> Output {
        var payload = frame.unmaskedData
        switch frame.opcode {
        case .ping: return .ping(payload)
        case .connectionClose:
            guard payload.readableBytes > 0 else { return .close(nil) }
            guard let code = payload.readInteger(as: UInt16.self), Self.mayBeSent(code) else {
                return .refuse(.protocolError)
            }
            return payload.isUTF8 ? .close(code) : .refuse(.invalidText)
        default: return .nothing
        }
    }

    /// Whether a code may stand in a close frame (RFC 6455 §7.4 and the IANA registry).
    private static func mayBeSent(_ code: UInt16) -> Bool {
        switch code {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }
}

extension ByteBuffer {
    /// Whether the readable bytes are well-formed UTF-8.
    fileprivate var isUTF8: Bool {
        String(validating: readableBytesView, as: UTF8.self) != nil
    }
}
