public import Accounts
import Hummingbird
import HummingbirdCore
import HummingbirdTLS
public import Logging
public import Messaging
import NIOConcurrencyHelpers
public import NIOCore
import NIOSSL
public import Primitives
public import ServiceLifecycle
public import SignalingService
public import Storage
import Synchronization

/// The way in: REST, sockets and the web client on one port.
public final class Gateway: Service {
    let services: GatewayServices
    /// Every route there is.
    let routes: [Route]
    private let responder: RESTResponder
    private let wheels: HeartbeatWheels
    private let eventLoopGroup: any EventLoopGroup
    private let stopping = StopFlag()
    private let listening = BoundPort()

    /// Makes a gateway that does not listen yet.
    ///
    /// - Parameters:
    ///   - configuration: Where to listen and what to allow.
    ///   - accounts: Knows who somebody is; made with `registry` as its revocations.
    ///   - messaging: Sends messages; made with `registry` as its events.
    ///   - calls: Owns calls; made with `registry` as its events and presence.
    ///   - registry: Knows who is connected; made first, because the services need it.
    ///   - ping: Asks the database for an answer, for `/readyz`.
    ///   - metricFamilies: What others count, for `/metrics`; the gateway adds its own.
    ///   - eventLoopGroup: Carries the connections.
    ///   - logger: Hears of the start, the end and, at debug level, of sockets.
    ///   - now: The present, by the wall clock.
    /// - Throws: `GatewayError` when the web client's folder cannot be read.
    public convenience init(
        configuration: GatewayConfiguration, accounts: AccountService, messaging: MessagingService, calls: CallService,
        registry: SessionRegistry, ping: @escaping @Sendable () async throws(DatabaseError) -> Void,
        metricFamilies: [@Sendable () -> [MetricFamily]], eventLoopGroup: any EventLoopGroup, logger: Logger,
        now: @escaping @Sendable () -> Instant
    ) throws(GatewayError) {
        let services = GatewayServices(
            configuration: configuration, timings: HeartbeatTimings(), accounts: accounts, messaging: messaging,
            calls: calls, registry: registry, addresses: AddressCounts(), metrics: GatewayMetrics(), logger: logger,
            now: now)
        try self.init(services, ping: ping, metricFamilies: metricFamilies, eventLoopGroup: eventLoopGroup)
    }

    /// As above, where the times of the heartbeat are chosen, too.
    init(
        _ services: GatewayServices, ping: @escaping @Sendable () async throws(DatabaseError) -> Void,
        metricFamilies: [@Sendable () -> [MetricFamily]], eventLoopGroup: any EventLoopGroup
    ) throws(GatewayError) {
        let configuration = services.configuration
        let files: StaticFiles
        do throws(StaticFilesError) {
            files = if let root = configuration.webRoot { try StaticFiles(folder: root) } else { StaticFiles() }
        } catch {
            throw GatewayError(message: error.message)
        }
        self.services = services
        services.registry.serve(services.calls)
        self.eventLoopGroup = eventLoopGroup
        wheels = HeartbeatWheels(group: eventLoopGroup)
        let operatorRoutes = OperatorRoutes(
            version: configuration.version, openAPI: configuration.openAPI, ping: ping,
            metricFamilies: { [metrics = services.metrics, registry = services.registry] in
                metrics.families + registry.metricFamilies + metricFamilies.flatMap { $0() }
            },
            holdsLease: { [calls = services.calls] in calls.holdsLease },
            isStopping: { [stopping] in stopping.isSet }, echoes: configuration.echoes)
        routes =
            AccountRoutes(accounts: services.accounts).routes
            + ContactRoutes(accounts: services.accounts).routes
            + ConversationRoutes(accounts: services.accounts, messaging: services.messaging).routes
            + CallRoutes(accounts: services.accounts, calls: services.calls).routes
            + IceServerRoutes(accounts: services.accounts, configuration: configuration, now: services.now).routes
            + operatorRoutes.routes
        responder = RESTResponder(
            routes: routes, files: files, bodyLimit: configuration.bodyBytes,
            metrics: services.metrics)
    }

    /// The port that the gateway listens on; waits until it does.
    /// - Throws: `GatewayError` when it has stopped, or could not begin.
    public var boundPort: Int {
        get async throws(GatewayError) { try await listening.port }
    }

    /// Listens until the graceful shutdown of the service group that it is run in: then no connection is accepted any
    /// more, sockets are closed with 4000, and requests that are being answered have a few seconds.
    /// - Throws: What the system says when the address cannot be had.
    public func run() async throws {
        let configuration = services.configuration
        var server = HTTPServerBuilder { [services, wheels] responder in
            GatewayChannel(responder: responder, services: services, wheels: wheels)
        }
        if var tls = configuration.tls {
            // RFC 8996: what came before has had its day, but the library would still speak it.
            tls.minimumTLSVersion = .tlsv12
            server = try .tls(server, tlsConfiguration: tls)
        }
        let application = Application(
            responder: responder, server: server,
            configuration: .init(address: .hostname(configuration.host, port: configuration.port), backlog: 1024),
            onServerRunning: { [listening, logger = services.logger] channel in
                let port = channel.localAddress?.port ?? 0
                logger.info(
                    "gateway started",
                    metadata: [
                        "host": "\(configuration.host)", "port": "\(port)", "tls": "\(configuration.tls != nil)",
                    ])
                listening.settle(.success(port))
            },
            eventLoopGroupProvider: .shared(eventLoopGroup), logger: services.logger)
        wheels.start()
        defer {
            wheels.stop()
            listening.settle(.failure(GatewayError(message: "the gateway does not listen")))
            services.logger.info("gateway stopped")
        }
        let audit = SessionAudit(registry: services.registry, accounts: services.accounts, logger: services.logger)
        let watch = RevocationWatch(registry: services.registry, accounts: services.accounts)
        try await withGracefulShutdownHandler {
            async let audited: Void = audit.run()
            async let watched: Void = watch.run()
            async let cleared: Void = ReplayClearance(registry: services.registry).run()
            try await application.run()
            try await audited
            try await watched
            try await cleared
        } onGracefulShutdown: { [stopping] in
            stopping.set()
        }
    }
}

/// Why the gateway does not work.
public struct GatewayError: Error, Sendable, Equatable, CustomStringConvertible {
    /// For the operator.
    public var message: String

    /// The message.
    public var description: String { message }
}

/// Whether the shutdown has begun.
final class StopFlag: Sendable {
    private let flag = Atomic(false)

    /// Whether it has.
    var isSet: Bool { flag.load(ordering: .relaxed) }

    /// It has.
    func set() { flag.store(true, ordering: .relaxed) }
}

/// A port that is not known until somebody listens on it.
private final class BoundPort: Sendable {
    private enum State {
        case waiting([CheckedContinuation<Result<Int, GatewayError>, Never>])
        case settled(Result<Int, GatewayError>)
    }

    private let state = NIOLockedValueBox(State.waiting([]))

    var port: Int {
        get async throws(GatewayError) {
            let result = await withCheckedContinuation { continuation in
                let known = state.withLockedValue { state -> Result<Int, GatewayError>? in
                    switch state {
                    case .settled(let result): return result
                    case .waiting(let others):
                        state = .waiting(others + [continuation])
                        return nil
                    }
                }
                if let known { continuation.resume(returning: known) }
            }
            return try result.get()
        }
    }

    /// Says what came of it; a later word takes the place of an earlier one for whoever asks later.
    func settle(_ result: Result<Int, GatewayError>) {
        let waiting = state.withLockedValue { state -> [CheckedContinuation<Result<Int, GatewayError>, Never>] in
            defer { state = .settled(result) }
            guard case .waiting(let waiting) = state else { return [] }
            return waiting
        }
        for continuation in waiting { continuation.resume(returning: result) }
    }
}
