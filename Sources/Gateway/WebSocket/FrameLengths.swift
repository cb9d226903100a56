import NIOCore

/// Follows the frames of a socket by their heads, and finds a length that is invalid or written in more bytes than
/// needed (RFC 6455 §5.2). The frame decoder accepts every length and does not report how it was written.
///
/// A plain value. It must not be used again after a fault.
struct FrameLengths {
    /// A frame's length is not written as it must be.
    struct Fault: Error {}

    private enum State {
        /// At the first byte of a frame. Can go to: length.
        case opcode
        /// At the byte with the mask bit and the length. Can go to: extended, rest, opcode.
        case length
        /// In a length of several bytes. Can go to: rest.
        case extended(missing: Int, value: UInt64, least: UInt64, mask: UInt64)
        /// In mask and payload. Can go to: opcode.
        case rest(UInt64)
    }

    private var state = State.opcode

    /// Reads the next bytes.
    /// - Returns: How many of them come before a frame with a wrong length; nil when there is none.
    mutating func take(_ bytes: ByteBufferView) -> Int? {
        var index = bytes.startIndex
        // Where the current frame begins; here, if it began before these bytes.
        var begin = bytes.startIndex
        while index < bytes.endIndex {
            switch state {
            case .opcode:
                begin = index
                index += 1
                state = .length
            case .length:
                let byte = bytes[index]
                index += 1
                let mask: UInt64 = byte & 0x80 == 0 ? 0 : 4
                switch byte & 0x7F {
                case 126: state = .extended(missing: 2, value: 0, least: 126, mask: mask)
                case 127: state = .extended(missing: 8, value: 0, least: 1 << 16, mask: mask)
                case let length: skip(mask + UInt64(length))
                }
            case .extended(let missing, let value, let least, let mask):
                let value = value << 8 | UInt64(bytes[index])
                index += 1
                guard missing == 1 else {
                    state = .extended(missing: missing - 1, value: value, least: least, mask: mask)
                    continue
                }
                guard value >= least, value >> 63 == 0 else { return begin - bytes.startIndex }
                skip(mask + value)
            case .rest(let length):
                let step = min(length, UInt64(bytes.endIndex - index))
                index += Int(step)
                skip(length - step)
            }
        }
        return nil
    }

    private mutating func skip(_ length: UInt64) { state = length == 0 ? .opcode : .rest(length) }
}

/// Sits before the frame decoder, passes valid frames on, and stops at the first one with a wrong length.
final class FrameLengthHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private var lengths = FrameLengths()
    private var isFaulty = false

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isFaulty else { return }
        var bytes = Self.unwrapInboundIn(data)
        guard let good = lengths.take(bytes.readableBytesView) else { return context.fireChannelRead(data) }
        isFaulty = true
        if let slice = bytes.readSlice(length: good), good > 0 { context.fireChannelRead(Self.wrapInboundOut(slice)) }
        context.fireErrorCaught(FrameLengths.Fault())
    }
}
