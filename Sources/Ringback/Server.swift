import Accounts
import Composition
import Foundation
import Gateway
import Logging
import MediaCore
import MediaServer
import NIOCore
import NIOPosix
import NIOSSL
import Outbox
import Primitives
import ServiceLifecycle
import SignalingCore
import SignalingService
import Storage
import UnixSignals
import WebClient

/// The server: its parts, joined.
struct Server {
    private let settings: Settings
    private let reload: @Sendable () async throws -> Settings
    private let threshold: LogThreshold
    private let descriptors: Descriptors
    private let logger: Logger

    /// Makes a server.
    /// - Parameter reload: Reads the settings again.
    init(_ settings: Settings, reload: @escaping @Sendable () async throws -> Settings) {
        self.settings = settings
        self.reload = reload
        let threshold = LogThreshold(settings.logLevel)
        self.threshold = threshold
        LoggingSystem.bootstrap { LogLine(label: $0, threshold: threshold, format: settings.logFormat) }
        LineWriter.standardError.setDropNotice {
            LogLine(label: "ringback", threshold: threshold, format: settings.logFormat)
                .line(at: wallClock(), .warning, "\($0) log lines were dropped", [:])
        }
        logger = Logger(label: "ringback")
        descriptors = Descriptors.raised()
        // Writing to a closed pipe is an error of that write, not the end of the server.
        signal(SIGPIPE, SIG_IGN)
        // Until there is something to reload.
        signal(SIGHUP, SIG_IGN)
    }

    /// Serves until SIGTERM or SIGINT.
    func run() async throws {
        if descriptors.limit < Descriptors.usual {
            logger.warning(
                "the limit of open files is low: raise it with ulimit -n or LimitNOFILE of systemd",
                metadata: ["limit": "\(descriptors.limit)"])
        }
        let tls = try TLS.configuration(settings.tls)
        let key = try ServerKey.load(settings)
        let nodeFile = try NodeFile(settings)
        defer { withExtendedLifetime(nodeFile) {} }
        let opened = try await OpenedDatabase.open(settings, logger: logger)
        let database = opened.database
        if !opened.appliedMigrations.isEmpty {
            logger.info("schema brought up to date", metadata: ["migrations": "\(opened.appliedMigrations)"])
        }
        let now = ProcessClock(logger: logger).now
        // Each hand-over between two loops costs as much as a tenth of a relay. And the threads of the database, and the
        // database itself, need a core, too.
        NIOSingletons.groupLoopCountSuggestion = settings.eventLoops ?? max(1, System.coreCount - 1)
        let loops = MultiThreadedEventLoopGroup.singleton
        let backend = Backend(
            database: database, tokens: await AccessTokens(key: key, lifetime: settings.accessTokenLifetime),
            passwords: PasswordHasher(cost: settings.passwordCost), settings: backendSettings(nodeFile.node),
            loops: Array(loops.makeIterator()), now: now, wallClock: wallClock, logger: logger)
        let stun = try makeSTUNServer()
        let gateway = try makeGateway(tls, backend, database, stun, loops, now)
        do {
            try await backend.accounts.start()
        } catch {
            await database.close()
            throw Failure(.unavailable, "accounts: \(error.message)")
        }

        // They stop in reverse order: first nobody is admitted any more, last the database closes.
        var services: [any Service] = [ClosingDatabase(database: database)]
        if let outbox = backend.outbox { services.append(outbox) }
        services.append(StoppingCalls(calls: backend.calls))
        if let stun { services.append(stun) }
        services += [
            gateway, Announcement(gateway: gateway, settings: settings),
            Reloading(settings: settings, load: reload, threshold: threshold, gateway: gateway, logger: logger),
            Supersession(calls: backend.calls, file: settings.nodeFile),
        ]
        let group = ServiceGroup(
            configuration: .init(
                services: services.map {
                    .init(
                        service: $0,
                        failureTerminationBehavior: $0 is Supersession ? .gracefullyShutdownGroup : .cancelGroup)
                },
                gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
        do {
            try await group.run()
        } catch let failure as Failure {
            throw failure
        } catch let error as GatewayError {
            throw Failure(.unavailable, error.message)
        } catch {
            throw Failure(.unavailable, "the server has ended: \(error)")
        }
    }

    /// Becomes the node that owns the calls. An earlier process of the node ends because of it, so everything that can
    /// fail at a start comes before.
    @Sendable
    private func takeOver(_ calls: CallService) async throws {
        do throws(DatabaseError) {
            let adopted = try await calls.start()
            if adopted > 0 { logger.info("adopted open calls", metadata: ["calls": "\(adopted)"]) }
        } catch {
            throw Failure(.unavailable, "database: \(error.message)")
        }
    }

    private func backendSettings(_ node: NodeID) -> Backend.Settings {
        var backend = Backend.Settings()
        backend.sessionLifetime = settings.sessionLifetime
        backend.quotas = settings.quotas
        backend.calls.rules = settings.rules
        backend.calls.invitesPerMinute = settings.invitesPerMinute
        backend.calls.node = node
        backend.calls.lease = settings.nodeLease
        backend.outbox.webhooks = settings.webhooks
        backend.outbox.push = settings.push
        backend.outbox.giveUpAge = settings.webhookGiveUpAge
        return backend
    }
}

extension Server {
    private func makeGateway(
        _ tls: TLSConfiguration?, _ backend: Backend, _ database: any Database, _ stun: STUNServer?,
        _ loops: any EventLoopGroup, _ now: @escaping @Sendable () -> Instant
    ) throws -> Gateway {
        var configuration = GatewayConfiguration()
        configuration.host = settings.listen.host
        configuration.port = settings.listen.port
        configuration.tls = tls
        configuration.limits.socketsPerAddress = settings.socketsPerAddress
        configuration.limits.plainConnectionsPerAddress =
            settings.plainConnectionsPerAddress ?? settings.socketsPerAddress
        configuration.limits.plainConnections = min(settings.plainConnections, descriptors.plainConnections)
        configuration.hasDescriptors = { [descriptors] in descriptors.hasRoom }
        configuration.limits.invitesPerMinute = settings.invitesPerMinute
        configuration.allowedOrigins = Set(settings.allowedOrigins)
        configuration.publicOrigin = settings.publicOrigin
        configuration.iceServers = iceServers(stun)
        configuration.turn = settings.turn
        configuration.echoes = settings.echoes
        configuration.webRoot = settings.webRoot ?? WebClient.folder
        configuration.openAPI = PackageResources.openapi_yaml
        configuration.version = Version.number
        do {
            return try Gateway(
                configuration: configuration, accounts: backend.accounts, messaging: backend.messaging,
                calls: backend.calls, registry: backend.registry,
                ping: { () throws(DatabaseError) in try await database.ping() },
                metricFamilies: [
                    { backend.metricFamilies }, { stun?.metricFamilies ?? [] },
                    { LineWriter.standardError.metricFamilies },
                ],
                eventLoopGroup: loops, logger: logger, now: now, wallClock: wallClock,
                beforeServing: { try await takeOver(backend.calls) })
        } catch {
            throw Failure(.configuration, error.message)
        }
    }

    /// The ICE servers that clients are told of.
    private func iceServers(_ stun: STUNServer?) -> [IceServer] {
        var urls = settings.iceServers
        if let port = stun?.addresses.first?.port, let host = stunHost {
            urls.append("stun:\(HostAndPort(host: host, port: Int(port)))")
        }
        return urls.isEmpty ? [] : [IceServer(urls: urls)]
    }

    /// The host under which clients find our STUN server, if one is known.
    private var stunHost: String? {
        if let host = settings.publicHost { return host }
        if case .at(let address) = settings.stun, !address.isWildcard { return address.host }
        return settings.listen.isWildcard ? nil : settings.listen.host
    }

    private func makeSTUNServer() throws -> STUNServer? {
        let address: HostAndPort
        switch settings.stun {
        case .off: return nil
        case .automatic where settings.listen.isLoopback: return nil
        case .automatic: address = HostAndPort(host: settings.listen.host, port: 3478)
        case .at(let chosen): address = chosen
        }
        guard let host = IPAddress(address.host) else {
            if settings.stun == .automatic {
                logger.notice("no STUN server, because \(address) is a name: set stun.listen to an IP address")
                return nil
            }
            throw Failure(.configuration, "stun.listen needs an IP address, not the name \(address.host)")
        }
        do {
            let server = try STUNServer(
                STUNServer.Configuration(addresses: [TransportAddress(host, port: UInt16(address.port))]),
                logger: logger)
            if stunHost == nil {
                logger.notice(
                    "clients are not told of the STUN server: set publicHost to the name at which they reach it")
            }
            return server
        } catch  where settings.stun == .automatic {
            logger.warning("no STUN server: \(address) is not available", metadata: ["error": "\(error)"])
            return nil
        } catch {
            throw Failure(.unavailable, "stun.listen: \(error)")
        }
    }
}

/// Reads the certificate and key for TLS.
enum TLS {
    static func configuration(_ files: Settings.TLSFiles?) throws -> TLSConfiguration? {
        guard let files else { return nil }
        do {
            let chain = try NIOSSLCertificate.fromPEMFile(files.certificate).map {
                NIOSSLCertificateSource.certificate($0)
            }
            let key = try NIOSSLPrivateKey(file: files.key, format: .pem)
            return TLSConfiguration.makeServerConfiguration(certificateChain: chain, privateKey: .privateKey(key))
        } catch {
            throw Failure(
                .configuration, "the certificate \(files.certificate) or its key \(files.key) can't be read: \(error)")
        }
    }
}

/// Closes the database when all other services have stopped.
private struct ClosingDatabase: Service {
    let database: any Database

    func run() async throws {
        try? await gracefulShutdown()
        await database.close()
    }
}

/// Stops taking commands once the gateway is closed.
private struct StoppingCalls: Service {
    let calls: CallService

    func run() async throws {
        try? await gracefulShutdown()
        await calls.stop()
    }
}

/// Ends the server when another one was started as the same node.
private struct Supersession: Service {
    let calls: CallService
    let file: String

    func run() async throws {
        let isSuperseded = await cancelWhenGracefulShutdown { await calls.isSuperseded() }
        if isSuperseded {
            throw Failure(
                .unavailable,
                "another server was started as this node; give each server a node.idFile of its own: \(file)")
        }
        try? await gracefulShutdown()
    }
}

/// Prints the address once the gateway serves.
private struct Announcement: Service {
    let gateway: Gateway
    let settings: Settings

    func run() async throws {
        // If it never does, the gateway itself says why.
        guard let port = try? await gateway.boundPort else { return try await gracefulShutdown() }
        let host = settings.listen.isWildcard ? settings.publicHost ?? "localhost" : settings.listen.host
        let scheme = settings.tls == nil ? "http" : "https"
        LineWriter.standardOutput.write("Ringback is ready: \(scheme)://\(HostAndPort(host: host, port: port))")
        try? await gracefulShutdown()
    }
}
