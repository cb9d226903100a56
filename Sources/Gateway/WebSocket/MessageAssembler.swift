import Delivery
import NIOCore
import NIOWebSocket
import Wire

/// Joins WebSocket frames into whole messages, and refuses what RFC 6455 forbids but the frame decoder lets through.
///
/// A plain value: it takes frames and says what to do. It must not be used again after a refusal.
struct MessageAssembler {
    /// What a message carries.
    enum Kind: Sendable, CaseIterable {
        case text
        case binary
    }

    /// What a frame leads to.
    enum Output: Equatable {
        /// Nothing yet: a fragment, or a pong.
        case nothing
        /// A whole message.
        case message(Kind, [UInt8])
        /// Answer with a pong of the same payload.
        case ping(ByteBuffer)
        /// The peer closes; send the code back, if there is one.
        case close(UInt16?)
        /// The peer violates the protocol; close with this.
        case refuse(CloseCode)
    }

    private let kinds: Set<Kind>
    /// The most bytes that a message may have, including all fragments.
    var limit: Int
    private var unfinished: UnfinishedMessage?

    /// Makes an assembler for a socket.
    /// - Parameters:
    ///   - kinds: The messages that are accepted; others are refused with 1003.
    ///   - limit: The most bytes that a message may have, including all fragments.
    init(kinds: Set<Kind>, limit: Int) {
        self.kinds = kinds
        self.limit = limit
    }

    /// Takes the next frame.
    mutating func handle(_ frame: WebSocketFrame) -> Output {
        // RFC 6455 §5.1 and §5.2: clients mask, and the reserved bits belong to extensions, of which we negotiate none.
        guard frame.maskKey != nil, !frame.rsv1, !frame.rsv2, !frame.rsv3 else { return .refuse(.protocolError) }
        switch frame.opcode {
        case .text: return begin(.text, with: frame)
        case .binary: return begin(.binary, with: frame)
        case .continuation:
            guard var message = unfinished else { return .refuse(.protocolError) }
            // Released, so that the message grows in place.
            unfinished = nil
            guard frame.length <= limit - message.bytes.count else { return .refuse(.messageTooBig) }
            message.bytes += frame.payload
            return goOn(with: message, isWhole: frame.fin)
        case .ping, .pong, .connectionClose:
            // RFC 6455 §5.5: control frames are short and whole.
            guard frame.fin, frame.length <= 125 else { return .refuse(.protocolError) }
            return control(frame)
        default:
            return .refuse(.protocolError)
        }
    }

    private mutating func begin(_ kind: Kind, with frame: WebSocketFrame) -> Output {
        guard unfinished == nil else { return .refuse(.protocolError) }
        guard kinds.contains(kind) else { return .refuse(.unsupportedData) }
        guard frame.length <= limit else { return .refuse(.messageTooBig) }
        return goOn(with: UnfinishedMessage(kind: kind, bytes: frame.payload), isWhole: frame.fin)
    }

    private mutating func goOn(with message: UnfinishedMessage, isWhole: Bool) -> Output {
        var message = message
        if message.kind == .text, !message.isText(isWhole: isWhole) { return .refuse(.invalidText) }
        if isWhole { return .message(message.kind, message.bytes) }
        unfinished = message
        return .nothing
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
            return Array(payload.readableBytesView)[...].isUTF8 ? .close(code) : .refuse(.invalidText)
        default: return .nothing
        }
    }

    /// Whether a code is allowed in a close frame (RFC 6455 §7.4 and the IANA registry).
    private static func mayBeSent(_ code: UInt16) -> Bool {
        switch code {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }
}

extension MessageAssembler.Kind {
    /// The kind of messages of this encoding.
    init(_ encoding: Encoding) {
        self = encoding == .json ? .text : .binary
    }
}

/// The fragments of a message that have come so far, joined.
private struct UnfinishedMessage {
    let kind: MessageAssembler.Kind
    var bytes: [UInt8]
    /// How many of the bytes are known to be valid UTF-8.
    private var checked = 0

    init(kind: MessageAssembler.Kind, bytes: [UInt8]) {
        self.kind = kind
        self.bytes = bytes
    }

    /// Checks what has come since the last check, so that invalid text is refused at its first invalid fragment
    /// (RFC 6455 §8.1).
    /// - Parameter isWhole: Whether the message is complete; if not, the last character may be cut in two.
    mutating func isText(isWhole: Bool) -> Bool {
        let unchecked = bytes.dropFirst(checked)
        let complete = unchecked.dropLast(isWhole ? 0 : unchecked.cutCharacterLength)
        guard complete.isUTF8 else { return false }
        checked += complete.count
        return unchecked.dropFirst(complete.count).beginsCharacter
    }
}

extension ArraySlice<UInt8> {
    /// Whether the bytes are well-formed UTF-8.
    fileprivate var isUTF8: Bool {
        do {
            _ = try UTF8Span(validating: span)
            return true
        } catch {
            return false
        }
    }

    /// How many bytes at the end belong to an incomplete character, 0 to 3.
    fileprivate var cutCharacterLength: Int {
        for length in 1...3 {
            guard let byte = dropLast(length - 1).last else { return 0 }
            switch byte {
            case 0x80...0xBF: continue
            case 0xC0...0xDF: return length < 2 ? length : 0
            case 0xE0...0xEF: return length < 3 ? length : 0
            case 0xF0...0xFF: return length
            default: return 0
            }
        }
        return 0
    }

    /// Whether the bytes, at most one incomplete character, can become a character.
    fileprivate var beginsCharacter: Bool {
        guard let first else { return true }
        // RFC 3629 §4: which bytes may come first, and that only the second byte depends on the first.
        guard (0xC2...0xF4).contains(first) else { return false }
        guard count > 1 else { return true }
        let length = first < 0xF0 ? 3 : 4
        return String(validating: self + [UInt8](repeating: 0x80, count: length - count), as: UTF8.self) != nil
    }
}

extension WebSocketFrame {
    /// The payload of a masked frame, without the mask (RFC 6455 §5.3): copied once, out of the buffer that the socket
    /// is read into.
    fileprivate var payload: [UInt8] {
        var bytes = Array(data.readableBytesView)
        guard let maskKey else { return bytes }
        let key = (0..<8).reduce(0 as UInt64) { $0 | UInt64(maskKey[$1 % 4]) << UInt64(8 * $1) }.littleEndian
        unsafe bytes.withUnsafeMutableBytes { bytes in
            let words = bytes.count / 8
            for word in 0..<words {
                let masked = unsafe bytes.loadUnaligned(fromByteOffset: 8 * word, as: UInt64.self)
                unsafe bytes.storeBytes(of: masked ^ key, toByteOffset: 8 * word, as: UInt64.self)
            }
            for index in 8 * words..<bytes.count { unsafe bytes[index] ^= maskKey[index % 4] }
        }
        return bytes
    }
}
