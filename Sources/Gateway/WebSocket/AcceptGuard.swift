import Glibc
import Logging
import NIOCore
import Primitives

/// Sits in the server's channel and stops accepting while descriptors are scarce. Meanwhile new connections wait in the
/// system's queue.
///
/// The runtime's threads, the database and the outbox open descriptors of their own, and the dispatch library ends the
/// process when it gets none. The library below would also retry accepting in a loop while the system refuses.
final class AcceptGuard: ChannelDuplexHandler {
    typealias InboundIn = any Channel
    typealias OutboundIn = Never

    /// The interval between checks of the descriptors while none is accepted.
    static let pause = TimeAmount.milliseconds(100)

    private let hasRoom: @Sendable () -> Bool
    private let metrics: GatewayMetrics
    private let logger: Logger
    private var resumption: Scheduled<Void>?
    private var nextLine: Instant?

    init(hasRoom: @escaping @Sendable () -> Bool, metrics: GatewayMetrics, logger: Logger) {
        self.hasRoom = hasRoom
        self.metrics = metrics
        self.logger = logger
    }

    func read(context: ChannelHandlerContext) {
        // Called after each few accepted connections.
        if hasRoom() { context.read() } else { hold(context: context, reason: "too few descriptors are left") }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch (error as? IOError)?.errnoCode {
        case EMFILE, ENFILE, ENOBUFS, ENOMEM: hold(context: context, reason: "\(error)")
        case ECONNABORTED: break
        default: context.fireErrorCaught(error)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        resumption?.cancel()
        resumption = nil
        context.fireChannelInactive()
    }

    private func hold(context: ChannelHandlerContext, reason: String) {
        guard resumption == nil else { return }
        metrics.acceptPauses.add()
        let now = HeartbeatWheel.now()
        if nextLine.map({ now >= $0 }) ?? true {
            nextLine = now + RefusalDigest.span
            logger.warning(
                "no connection is accepted for now: raise the limit of open files", metadata: ["reason": "\(reason)"])
        }
        try? context.channel.syncOptions?.setOption(.autoRead, value: false)
        scheduleLook(context: context)
    }

    private func scheduleLook(context: ChannelHandlerContext) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        resumption = context.eventLoop.scheduleTask(in: Self.pause) {
            let (handler, context) = bound.value
            guard handler.hasRoom() else { return handler.scheduleLook(context: context) }
            handler.resumption = nil
            try? context.channel.syncOptions?.setOption(.autoRead, value: true)
        }
    }
}
