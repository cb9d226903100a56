public import Accounts
public import Delivery
import Glibc
import Hummingbird
import HummingbirdCore
public import Logging
public import Messaging
import NIOConcurrencyHelpers
public import NIOCore
public import NIOSSL
public import Primitives
public import ServiceLifecycle
public import SignalingService
public import Storage
import Synchronization

/// The entry point: REST, sockets and the web client on one port.
public final class Gateway: Service {
    let services: GatewayServices
    /// Every route.
    let routes: [Route]
    private let responder: RESTResponder
    private let wheels: HeartbeatWheels
    private let certificates: Certificates?
    private let eventLoopGroup: any EventLoopGroup
    private let beforeServing: @Sendable () async throws -> Void
    private let stopping = StopFlag()
    private let listening = BoundPort()
    private let opening: Opening

    /// Makes a gateway that is not listening yet.
    ///
    /// - Parameters:
    ///   - configuration: Where to listen and what to allow.
    ///   - accounts: The user accounts.
    ///   - messaging: Sends messages.
    ///   - calls: Owns calls.
    ///   - registry: Knows who is connected; the services give it the events for devices.
    ///   - ping: Asks the database to respond, for `/readyz`.
    ///   - metricFamilies: The metrics of other parts, for `/metrics`; the gateway adds its own.
    ///   - eventLoopGroup: Runs the connections.
    ///   - logger: Logs the start, the end and, at debug level, sockets.
    ///   - now: The current time of a clock that never jumps.
    ///   - wallClock: The machine's clock.
    ///   - beforeServing: Runs once the address is bound, before the first connection is read. When it throws, the
    ///     gateway ends with that error.
    /// - Throws: `GatewayError` when the web client's folder cannot be read.
    public convenience init(
        configuration: GatewayConfiguration, accounts: AccountService, messaging: MessagingService, calls: CallService,
        registry: SessionRegistry, ping: @escaping @Sendable () async throws(DatabaseError) -> Void,
        metricFamilies: [@Sendable () -> [MetricFamily]], eventLoopGroup: any EventLoopGroup, logger: Logger,
        now: @escaping @Sendable () -> Instant, wallClock: @escaping @Sendable () -> Instant,
        beforeServing: @escaping @Sendable () async throws -> Void
    ) throws(GatewayError) {
        let services = GatewayServices(
            configuration: configuration, timings: HeartbeatTimings(), accounts: accounts, messaging: messaging,
            calls: calls, registry: registry, logger: logger, now: now, wallClock: wallClock)
        try self.init(
            services, ping: ping, metricFamilies: metricFamilies, eventLoopGroup: eventLoopGroup,
            beforeServing: beforeServing)
    }

    /// As above, with custom heartbeat times.
    init(
        _ services: GatewayServices, ping: @escaping @Sendable () async throws(DatabaseError) -> Void,
        metricFamilies: [@Sendable () -> [MetricFamily]], eventLoopGroup: any EventLoopGroup,
        beforeServing: @escaping @Sendable () async throws -> Void = {}
    ) throws(GatewayError) {
        let configuration = services.configuration
        let files: StaticFiles
        do throws(StaticFilesError) {
            files = if let root = configuration.webRoot { try StaticFiles(folder: root) } else { StaticFiles() }
        } catch {
            throw GatewayError(message: error.message)
        }
        do {
            certificates = try configuration.tls.map { try Certificates($0) }
        } catch {
            throw GatewayError(message: "the certificate and its key are of no use: \(error)")
        }
        self.services = services
        self.eventLoopGroup = eventLoopGroup
        self.beforeServing = beforeServing
        opening = Opening(on: eventLoopGroup.next())
        wheels = HeartbeatWheels(group: eventLoopGroup)
        let operatorRoutes = OperatorRoutes(
            version: configuration.version, openAPI: configuration.openAPI, ping: ping,
            metricFamilies: { [metrics = services.metrics, registry = services.registry] in
                metrics.families + registry.metricFamilies + metricFamilies.flatMap { $0() }
            },
            holdsLease: { [calls = services.calls] in calls.holdsLease },
            isStopping: { [stopping] in stopping.isSet }, echoes: configuration.echoes)
        routes =
            AccountRoutes(accounts: services.accounts, configuration: configuration, now: services.now).routes
            + ContactRoutes(accounts: services.accounts).routes
            + ConversationRoutes(accounts: services.accounts, messaging: services.messaging).routes
            + InvitationRoutes(accounts: services.accounts, messaging: services.messaging).routes
            + CallRoutes(accounts: services.accounts, calls: services.calls).routes
            + IceServerRoutes(
                accounts: services.accounts, configuration: configuration, now: services.now,
                wallClock: services.wallClock
            ).routes
            + operatorRoutes.routes
        responder = RESTResponder(
            routes: routes, files: files, bodyLimit: configuration.bodyBytes,
            metrics: services.metrics)
    }

    deinit { opening.giveUp() }

    /// The port that the gateway serves on; waits until it serves.
    /// - Throws: `GatewayError` when it has stopped, or could not begin.
    public var boundPort: Int {
        get async throws(GatewayError) { try await listening.port }
    }

    /// Gives new connections another certificate and key. A gateway that started without TLS stays without.
    /// - Throws: `GatewayError` when they are unusable, as when they do not belong together; then the old ones stay.
    public func replaceCertificates(_ tls: TLSConfiguration) throws(GatewayError) {
        do {
            try certificates?.replace(with: tls)
        } catch {
            throw GatewayError(message: "the certificate and its key are of no use: \(error)")
        }
    }

    /// Serves until the graceful shutdown of the service group that it is run in: then no more connections are
    /// accepted, sockets are closed with 4000, and requests that are being answered have a few seconds.
    /// - Throws: `GatewayError` when the address is not available, and what `beforeServing` throws.
    public func run() async throws {
        let configuration = services.configuration
        let plainConnections = PlainConnections(limits: configuration.limits, metrics: services.metrics)
        let server = HTTPServerBuilder { [services, wheels, certificates, opening] responder in
            PausedChannel(
                base: GatewayChannel(
                    responder: responder, services: services, wheels: wheels, plainConnections: plainConnections,
                    certificates: certificates), opening: opening)
        }
        let failure = NIOLockedValueBox<(any Error)?>(nil)
        let application = Application(
            responder: responder, server: server,
            configuration: .init(address: .hostname(configuration.host, port: configuration.port), backlog: 1024),
            onServerRunning: {
                [listening, opening, beforeServing, metrics = services.metrics, logger = services.logger] channel in
                do {
                    try await beforeServing()
                } catch {
                    failure.withLockedValue { $0 = error }
                    return channel.close(promise: nil)
                }
                await Self.guardAccepting(configuration.hasDescriptors, of: channel, metrics, logger)
                let port = channel.localAddress?.port ?? 0
                logger.info(
                    "gateway started",
                    metadata: [
                        "host": "\(configuration.host)", "port": "\(port)", "tls": "\(configuration.tls != nil)",
                    ])
                opening.open()
                listening.settle(.success(port))
            },
            eventLoopGroupProvider: .shared(eventLoopGroup), logger: services.logger)
        wheels.start()
        defer {
            wheels.stop()
            opening.giveUp()
            listening.settle(.failure(GatewayError(message: "the gateway does not listen")))
            services.logger.info("gateway stopped")
        }
        let upkeep = SessionUpkeep(
            registry: services.registry, accounts: services.accounts, logger: services.logger)
        try await withGracefulShutdownHandler {
            async let keptUp: Void = upkeep.run()
            do {
                try await application.run()
            } catch {
                throw failure.withLockedValue { $0 } ?? GatewayError(of: error, listeningAt: configuration)
            }
            try await keptUp
        } onGracefulShutdown: { [stopping] in
            stopping.set()
        }
    }
}

extension Gateway {
    private static func guardAccepting(
        _ hasRoom: @escaping @Sendable () -> Bool, of channel: any Channel, _ metrics: GatewayMetrics, _ logger: Logger
    ) async {
        try? await channel.eventLoop.submit {
            let guardian = AcceptGuard(hasRoom: hasRoom, metrics: metrics, logger: logger)
            try channel.pipeline.syncOperations.addHandler(guardian, position: .first)
        }.get()
    }
}

/// Why the gateway does not work.
public struct GatewayError: Error, Sendable, Equatable, CustomStringConvertible {
    /// For the operator.
    public var message: String

    /// The message.
    public var description: String { message }
}

extension GatewayError {
    /// Why an address is not available, in words for the operator.
    fileprivate init(of error: any Error, listeningAt configuration: GatewayConfiguration) {
        let host = configuration.host.contains(":") ? "[\(configuration.host)]" : configuration.host
        let reason =
            switch (error as? IOError)?.errnoCode {
            case EADDRINUSE: "is in use already"
            case EADDRNOTAVAIL: "is not an address of this machine"
            case EACCES: "can't be had without further privileges"
            default: "can't be served: \(error)"
            }
        self.init(message: "listen: \(host):\(configuration.port) \(reason)")
    }
}

/// Whether the shutdown has begun.
final class StopFlag: Sendable {
    private let flag = Atomic(false)

    /// Whether it has.
    var isSet: Bool { flag.load(ordering: .relaxed) }

    /// It has begun.
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

    /// Sets the outcome; a later call replaces an earlier one for those who ask later.
    func settle(_ result: Result<Int, GatewayError>) {
        let waiting = state.withLockedValue { state -> [CheckedContinuation<Result<Int, GatewayError>, Never>] in
            defer { state = .settled(result) }
            guard case .waiting(let waiting) = state else { return [] }
            return waiting
        }
        for continuation in waiting { continuation.resume(returning: result) }
    }
}
