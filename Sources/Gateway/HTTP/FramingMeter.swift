import NIOCore

/// Counts the bytes of a message that are not part of the body, before they are decoded: the decoder reads some of them
/// without passing them on, such as chunk extensions and whitespace, so nothing else sees them.
final class FramingMeter: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private enum State {
        case counting
        /// All input is discarded.
        case shut
        /// Removed from the pipeline.
        case aside
    }

    private let limit: Int
    private let onOverflow: () -> Void
    private var state = State.counting
    private var count = 0

    /// Makes a meter.
    /// - Parameters:
    ///   - limit: How many bytes a message may have besides its body, including its head.
    ///   - onOverflow: Called when there are more.
    init(limit: Int, onOverflow: @escaping () -> Void) {
        self.limit = limit
        self.onOverflow = onOverflow
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .counting = state else { return }
        count += Self.unwrapInboundIn(data).readableBytes
        // The decoder's output is subtracted before this call returns.
        context.fireChannelRead(data)
        if case .counting = state, count > limit { onOverflow() }
    }

    func handlerRemoved(context: ChannelHandlerContext) { state = .aside }

    /// These bytes were body.
    func bodyCame(_ length: Int) { count -= length }

    /// The next bytes belong to another message.
    func messageEnded() { count = 0 }

    /// No more bytes are read.
    func shut() { if case .counting = state { state = .shut } }
}
