import HummingbirdCore
import Logging
import NIOCore

/// When connections are served: the address is bound before, so that a server whose address is not available changes
/// nothing.
struct Opening: Sendable {
    private let promise: EventLoopPromise<Void>

    /// Not open yet.
    init(on eventLoop: any EventLoop) {
        promise = eventLoop.makePromise()
    }

    /// Succeeds when connections are to be served, fails when they never will.
    var future: EventLoopFuture<Void> { promise.futureResult }

    /// Connections are served from now on.
    func open() { promise.succeed() }

    /// They never will be served, unless they are already.
    func giveUp() { promise.fail(ChannelError.ioOnClosedChannel) }
}

/// The protocol of an accepted connection, once the gateway is open; until then nothing is read from it.
struct PausedChannel<Base: ServerChildChannel>: ServerChildChannel {
    let base: Base
    let opening: Opening

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Base.Value> {
        opening.future.hop(to: channel.eventLoop).flatMap { base.setup(channel: channel, logger: logger) }
    }

    func handle(value: Base.Value, logger: Logger) async {
        await base.handle(value: value, logger: logger)
    }
}
