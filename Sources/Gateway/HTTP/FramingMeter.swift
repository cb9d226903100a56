import NIOCore

/// Counts the bytes of a message that are no body, before they are decoded: what the decoder reads and does not pass on,
/// as extensions of chunks and blanks, is seen nowhere else.
final class FramingMeter: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private enum State {
        case counting
        /// What comes is thrown away.
        case shut
        /// Out of the pipeline.
        case aside
    }

    private let limit: Int
    private let onOverflow: () -> Void
    private var state = State.counting
    private var count = 0

    /// Makes a meter.
    /// - Parameters:
    ///   - limit: How many bytes a message may have beside its body; its head is among them.
    ///   - onOverflow: Told when there are more.
    init(limit: Int, onOverflow: @escaping () -> Void) {
        self.limit = limit
        self.onOverflow = onOverflow
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .counting = state else { return }
        count += Self.unwrapInboundIn(data).readableBytes
        // Whatever the decoder makes of it is taken off before this comes back.
        context.fireChannelRead(data)
        if case .counting = state, count > limit { onOverflow() }
    }

    func handlerRemoved(context: ChannelHandlerContext) { state = .aside }

    /// These bytes were body.
    func bodyCame(_ length: Int) { count -= length }

    /// What comes now belongs to another message.
    func messageEnded() { count = 0 }

    /// No more is read.
    func shut() { if case .counting = state { state = .shut } }
}
