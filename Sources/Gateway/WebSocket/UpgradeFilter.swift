import NIOCore
import NIOHTTP1
import Primitives

/// Sits between the request validator and the upgrade handler, and checks the first request's head.
///
/// The upgrade handler loses a request with an `Upgrade` header that nobody handles (another path, h2c, a wrong
/// version, a body), so only valid requests for our socket reach it with that header. Everything else is answered here
/// or passed on without the header.
final class UpgradeFilter: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private enum State {
        /// Can go to: open, shut.
        case waiting
        /// The first head was passed on, and so is everything after it.
        case open
        /// The answer is being sent, and everything after it is discarded.
        case shut
    }

    private let services: GatewayServices
    private let connection: Connection
    private var state = State.waiting
    /// What the first request asks for.
    private(set) var purpose: SocketPurpose?

    init(services: GatewayServices, connection: Connection) {
        self.services = services
        self.connection = connection
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch state {
        case .open: return context.fireChannelRead(data)
        case .shut: return
        case .waiting: break
        }
        // Parts other than a head cannot come first.
        guard case .head(let head) = Self.unwrapInboundIn(data) else { return }
        switch UpgradeRequest(head, configuration: services.configuration) {
        case .http: letThrough(head, context: context)
        case .socket(let purpose): letIn(head, purpose: purpose, context: context)
        case .refused(let refusal): refuse(refusal, context: context)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard case .waiting = state else { return context.fireErrorCaught(error) }
        context.close(promise: nil)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch (state, event) {
        // Nothing more will come, and nothing that could be answered has come.
        case (.waiting, let event as ChannelEvent) where event == .inputClosed: context.close(promise: nil)
        case (.shut, let event as ChannelEvent) where event == .inputClosed: context.close(promise: nil)
        case (.waiting, is ChannelShouldQuiesceEvent), (.shut, is ChannelShouldQuiesceEvent):
            context.close(promise: nil)
        case (.open, is ChannelShouldQuiesceEvent):
            // The HTTP server finishes the current request, but has no more time for it than a socket has.
            connection.note { $0.closing(now: $1) }
            context.fireUserInboundEventTriggered(event)
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    private func letThrough(_ head: HTTPRequestHead, context: ChannelHandlerContext) {
        var head = head
        if head.headers.contains(name: "upgrade") {
            head.headers.remove(name: "upgrade")
            // The decoder stops after a request with this header, so there can be no second one.
            head.headers.replaceOrAdd(name: "connection", value: "close")
        }
        state = .open
        connection.note { $0.becamePlain(now: $1) }
        context.fireChannelRead(Self.wrapInboundOut(.head(head)))
    }

    private func letIn(_ head: HTTPRequestHead, purpose: SocketPurpose, context: ChannelHandlerContext) {
        let (addresses, place) = (services.addresses, connection.place)
        guard addresses.enter(place, limit: services.configuration.limits.socketsPerAddress) else {
            return refuse(.tooManySockets, context: context)
        }
        context.channel.closeFuture.whenComplete { _ in addresses.leave(place) }
        connection.leavePlainConnections()
        services.metrics.upgrades.add()
        self.purpose = purpose
        state = .open
        context.fireChannelRead(Self.wrapInboundOut(.head(head)))
    }

    private func refuse(_ refusal: UpgradeRequest.Refusal, context: ChannelHandlerContext) {
        state = .shut
        services.metrics.upgradesRefused.add()
        let (head, body) = refusal.answer
        context.write(Self.wrapOutboundOut(.head(head)), promise: nil)
        context.write(Self.wrapOutboundOut(.body(.byteBuffer(body))), promise: nil)
        let channel = context.channel
        context.writeAndFlush(Self.wrapOutboundOut(.end(nil))).whenComplete { _ in
            channel.close(mode: .output, promise: nil)
        }
        connection.note { $0.closing(now: $1) }
    }
}
