import Accounts
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1
import NIOWebSocket
import Wire

/// The protocol of an accepted connection: HTTP, or after an upgrade of its first request our socket protocol.
struct GatewayChannel: HTTPChannelHandler {
    /// What a connection turned out to be.
    enum Kind: Sendable {
        case http(NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>)
        /// The handler in the pipeline does everything; there is nothing to await.
        case socket
    }

    struct Value: ServerChildChannelValue {
        let kind: EventLoopFuture<Kind>
        let channel: any Channel
        /// Where it comes from, as text.
        let address: String
    }

    let responder: HTTPChannelHandler.Responder
    let services: GatewayServices
    let wheels: HeartbeatWheels
    let plainConnections: PlainConnections
    /// The context for TLS; plain text when nil.
    let certificates: Certificates?

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        // The address is only known for certain here: a connection that ends forgets it.
        let address = channel.remoteAddress?.ipAddress ?? ""
        let place = AttemptLimiter.place(of: address)
        if let refusal = address.isEmpty ? .reset : plainConnections.enter(place) {
            return refuse(channel, refusal)
        }
        return channel.eventLoop.makeCompletedFuture {
            let operations = channel.pipeline.syncOperations
            let connection = Connection(
                channel: channel, address: address, place: place, plainConnections: plainConnections,
                wheel: wheels.wheel(of: channel.eventLoop), timings: services.timings)
            let filter = UpgradeFilter(services: services, connection: connection)
            let validator = RequestValidator(fields: services.configuration.answerFields, connection: connection)
            let bound = NIOLoopBound((validator, filter, connection), eventLoop: channel.eventLoop)
            channel.closeFuture.whenComplete { _ in bound.value.2.leavePlainConnections() }
            if let certificates { try operations.addHandler(certificates.handler()) }

            let upgrader = SocketUpgrader { [services] in
                NIOTypedWebSocketServerUpgrader<Kind>(
                    maxFrameSize: services.configuration.limits.messageLimit(of: bound.value.1.purpose),
                    enableAutomaticErrorHandling: false,
                    shouldUpgrade: { channel, _ in
                        let (validator, filter, _) = bound.value
                        validator.stepAside()
                        return channel.eventLoop.makeSucceededFuture(filter.purpose.map(Self.upgradeHeaders))
                    },
                    upgradePipelineHandler: { channel, _ in
                        channel.eventLoop.makeCompletedFuture {
                            let (_, filter, connection) = bound.value
                            guard let purpose = filter.purpose else {
                                throw ChannelError.inappropriateOperationForState
                            }
                            let operations = channel.pipeline.syncOperations
                            operations.removeHandler(filter, promise: nil)
                            let decoder = try operations.handler(type: ByteToMessageHandler<WebSocketFrameDecoder>.self)
                            try operations.addHandler(FrameLengthHandler(), position: .before(decoder))
                            try operations.addHandler(
                                SocketHandler(services: services, purpose: purpose, connection: connection))
                            return .socket
                        }
                    })
            }
            var configuration = NIOUpgradableHTTPServerPipelineConfiguration(
                upgradeConfiguration: NIOTypedHTTPServerUpgradeConfiguration<Kind>(
                    upgraders: [upgrader],
                    notUpgradingCompletionHandler: { [isSecure = services.configuration.tls != nil] channel in
                        channel.eventLoop.makeCompletedFuture {
                            try Self.speakHTTP(over: channel, isSecure: isSecure, logger: logger)
                        }
                    }))
            // NIOAsyncChannel takes requests one after the other, the validator answers errors, and HTTPTypes lets no
            // malformed header out.
            configuration.enablePipelining = false
            configuration.enableErrorHandling = false
            configuration.enableResponseHeaderValidation = false
            configuration.decoderConfiguration.maxHeaderFieldSize = 16 * 1024
            configuration.decoderConfiguration.maxHeaderListSize = 32 * 1024
            configuration.decoderConfiguration.maxHeaderFieldCount = 100
            try operations.addHandler(validator.meter)
            let kind = try operations.configureUpgradableHTTPServerPipeline(configuration: configuration)
            let upgradeHandler = try operations.handler(type: NIOTypedHTTPServerUpgradeHandler<Kind>.self)
            try operations.addHandlers([validator, filter], position: .before(upgradeHandler))
            try channel.syncOptions?.setOption(.writeBufferWaterMark, value: .init(low: 64 * 1024, high: 256 * 1024))
            // From the start, so that a connection that sends nothing does not stay.
            connection.note { _, _ in }
            return Value(kind: kind, channel: channel, address: address)
        }
    }

    /// Ends a connection before anything is set up for it.
    private func refuse(_ channel: any Channel, _ refusal: ConnectionRefusal) -> EventLoopFuture<Value> {
        channel.close(promise: nil)
        if let counts = plainConnections.note(refusal, now: HeartbeatWheel.now()) {
            services.logger.warning(
                "connections refused",
                metadata: .init(uniqueKeysWithValues: counts.map { ($0.rawValue, "\($1)") }))
        }
        return channel.eventLoop.makeSucceededFuture(
            Value(
                kind: channel.eventLoop.makeFailedFuture(ChannelError.ioOnClosedChannel), channel: channel, address: "")
        )
    }

    func handle(value: Value, logger: Logger) async {
        // It fails when the peer leaves before its first request is complete.
        guard case .http(let channel)? = try? await value.kind.get() else { return }
        await ClientAddress.$current.withValue(value.address) {
            await handleHTTP(asyncChannel: channel, logger: logger)
        }
    }

    private static func upgradeHeaders(_ purpose: SocketPurpose) -> HTTPHeaders {
        switch purpose {
        case .session(let encoding): ["sec-websocket-protocol": encoding.subprotocol]
        case .echo: [:]
        }
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

/// Makes the upgrader when the request has come, since the maximum frame length depends on what it asks for.
private struct SocketUpgrader: NIOTypedHTTPServerProtocolUpgrader {
    typealias Upgrader = NIOTypedWebSocketServerUpgrader<GatewayChannel.Kind>

    let supportedProtocol = "websocket"
    let requiredUpgradeHeaders: [String] = []
    private let makeUpgrader: @Sendable () -> Upgrader

    init(_ makeUpgrader: @escaping @Sendable () -> Upgrader) { self.makeUpgrader = makeUpgrader }

    func buildUpgradeResponse(
        channel: any Channel, upgradeRequest: HTTPRequestHead, initialResponseHeaders: HTTPHeaders
    ) -> EventLoopFuture<HTTPHeaders> {
        makeUpgrader().buildUpgradeResponse(
            channel: channel, upgradeRequest: upgradeRequest, initialResponseHeaders: initialResponseHeaders)
    }

    func upgrade(
        channel: any Channel, upgradeRequest: HTTPRequestHead
    ) -> EventLoopFuture<GatewayChannel.Kind> {
        makeUpgrader().upgrade(channel: channel, upgradeRequest: upgradeRequest)
    }
}

extension SocketLimits {
    /// The longest message over a socket, in bytes.
    func messageLimit(of purpose: SocketPurpose?) -> Int {
        purpose == .echo ? echoBytes : frameBytes
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

    /// Starts all of them.
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
