import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1
import NIOWebSocket
import Wire

/// What is spoken over an accepted connection: HTTP, or after an upgrade of its first request our socket protocol.
struct GatewayChannel: HTTPChannelHandler {
    /// What a connection turned out to be.
    enum Kind: Sendable {
        case http(NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>)
        /// The handler in the pipeline does everything; nothing is to be awaited.
        case socket
    }

    struct Value: ServerChildChannelValue {
        let kind: EventLoopFuture<Kind>
        let channel: any Channel
    }

    let responder: HTTPChannelHandler.Responder
    let services: GatewayServices
    let wheels: HeartbeatWheels

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        channel.eventLoop.makeCompletedFuture {
            let operations = channel.pipeline.syncOperations
            let connection = Connection(
                channel: channel, wheel: wheels.wheel(of: channel.eventLoop), timings: services.timings)
            let door = FrontDoor(services: services, connection: connection)
            let bound = NIOLoopBound((door, connection), eventLoop: channel.eventLoop)

            let upgrader = NIOTypedWebSocketServerUpgrader<Kind>(
                maxFrameSize: services.configuration.limits.frameBytes, enableAutomaticErrorHandling: false,
                shouldUpgrade: { channel, _ in
                    channel.eventLoop.makeSucceededFuture(Self.upgradeHeaders(bound.value.0.encoding))
                },
                upgradePipelineHandler: { [services] channel, _ in
                    channel.eventLoop.makeCompletedFuture {
                        let (door, connection) = bound.value
                        guard let encoding = door.encoding else { throw ChannelError.inappropriateOperationForState }
                        let operations = channel.pipeline.syncOperations
                        operations.removeHandler(door, promise: nil)
                        try operations.addHandler(
                            SocketHandler(services: services, encoding: encoding, connection: connection))
                        return .socket
                    }
                })
            var configuration = NIOUpgradableHTTPServerPipelineConfiguration(
                upgradeConfiguration: NIOTypedHTTPServerUpgradeConfiguration<Kind>(
                    upgraders: [upgrader],
                    notUpgradingCompletionHandler: { [isSecure = services.configuration.tls != nil] channel in
                        channel.eventLoop.makeCompletedFuture {
                            try Self.speakHTTP(over: channel, isSecure: isSecure, logger: logger)
                        }
                    }))
            // Requests are taken one after the other by NIOAsyncChannel, errors are answered by the front door and by
            // Hummingbird, and HTTPTypes lets no malformed header out.
            configuration.enablePipelining = false
            configuration.enableErrorHandling = false
            configuration.enableResponseHeaderValidation = false
            configuration.decoderConfiguration.maxHeaderFieldSize = 16 * 1024
            configuration.decoderConfiguration.maxHeaderListSize = 32 * 1024
            configuration.decoderConfiguration.maxHeaderFieldCount = 100
            let kind = try operations.configureUpgradableHTTPServerPipeline(configuration: configuration)
            let upgradeHandler = try operations.handler(type: NIOTypedHTTPServerUpgradeHandler<Kind>.self)
            try operations.addHandler(door, position: .before(upgradeHandler))
            try channel.syncOptions?.setOption(.writeBufferWaterMark, value: .init(low: 64 * 1024, high: 256 * 1024))
            // From the first moment on, so that a connection that sends nothing does not stay.
            connection.note { _, _ in }
            return Value(kind: kind, channel: channel)
        }
    }

    func handle(value: Value, logger: Logger) async {
        // It fails when the peer leaves before its first request was whole.
        guard case .http(let channel)? = try? await value.kind.get() else { return }
        await handleHTTP(asyncChannel: channel, logger: logger)
    }

    private static func upgradeHeaders(_ encoding: Encoding?) -> HTTPHeaders? {
        encoding.map { ["sec-websocket-protocol": $0.subprotocol] }
    }

    private static func speakHTTP(over channel: any Channel, isSecure: Bool, logger: Logger) throws -> Kind {
        let operations = channel.pipeline.syncOperations
        try operations.addHandler(HTTP1ToHTTPServerCodec(secure: isSecure))
        try operations.addHandler(HTTPConnectionStateHandler(idleTimeout: .seconds(60), logger: logger))
        return .http(
            try NIOAsyncChannel(
                wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true)))
    }
}

/// The heartbeat wheels of all event loops.
struct HeartbeatWheels: Sendable {
    private let wheels: [ObjectIdentifier: HeartbeatWheel]

    /// Makes one wheel for each event loop of a group.
    init(group: any EventLoopGroup) {
        wheels = Dictionary(
            group.makeIterator().map { (ObjectIdentifier($0), HeartbeatWheel(eventLoop: $0)) },
            uniquingKeysWith: { first, _ in first })
    }

    /// Begins to turn all of them.
    func start() { for wheel in wheels.values { wheel.start() } }

    /// Stops all of them.
    func stop() { for wheel in wheels.values { wheel.stop() } }

    /// The wheel of an event loop of the group.
    func wheel(of eventLoop: any EventLoop) -> HeartbeatWheel {
        guard let wheel = wheels[ObjectIdentifier(eventLoop)] else {
            preconditionFailure("a connection on an event loop that is not of the gateway's group")
        }
        return wheel
    }
}
