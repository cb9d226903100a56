public import Logging
public import MediaCore
public import Primitives
public import ServiceLifecycle

/// A STUN server (RFC 8489 §12): tells clients the address that their datagrams seem to come from.
///
/// It is all that two browsers behind address translation need to find each other. The server runs on a thread of its
/// own and keeps nothing about clients except how many answers each network got within the last seconds.
public final class STUNServer: Service {
    /// Where to listen and how much to answer.
    public struct Configuration: Sendable {
        /// Where to listen; port 0 lets the system choose. 3478 is the registered port.
        public var addresses: [TransportAddress]
        /// How many answers there may be.
        public var limits: AnswerLimiter.Limits

        /// Puts a configuration together.
        public init(
            addresses: [TransportAddress] = [
                TransportAddress(.v4(0), port: 3478), TransportAddress(.v6(high: 0, low: 0), port: 3478),
            ],
            limits: AnswerLimiter.Limits = .init()
        ) {
            self.addresses = addresses
            self.limits = limits
        }
    }

    /// What it counts of the datagrams that it does not answer.
    public let metrics: STUNMetrics

    private let server: DatagramServer<STUNHandler>
    private let logger: Logger

    /// Binds the sockets; datagrams wait in them until `run`.
    /// - Parameters:
    ///   - configuration: Where to listen and how much to answer.
    ///   - key: What spreads networks over the limiter's buckets; must be unknown to outsiders.
    ///   - logger: Logs start and end, never who asked.
    /// - Throws: `DatagramServerError` when an address cannot be bound; then none is. An IPv6 address on a machine without
    ///   IPv6 (or the reverse) is left out, unless nothing else remains.
    public init(
        _ configuration: Configuration, key: UInt64 = .random(in: 0...UInt64.max), logger: Logger
    ) throws(DatagramServerError) {
        let metrics = STUNMetrics()
        server = try DatagramServer("stun", at: configuration.addresses, logger: logger) { now in
            STUNHandler(AnswerLimiter(configuration.limits, key: key, now: now), metrics: metrics)
        }
        self.metrics = metrics
        self.logger = logger
    }

    /// Where it listens, in the order of the configuration, with the ports that the system chose filled in.
    ///
    /// Addresses of an IP version that the machine does not support are missing.
    public var addresses: [TransportAddress] { server.addresses }

    /// The counters for all datagrams.
    public var datagrams: DatagramMetrics { server.metrics }

    /// The figures for the metrics page.
    public var metricFamilies: [MetricFamily] {
        let outcomes = [
            ("answered", datagrams.sent), ("malformed", metrics.malformed), ("oversized", datagrams.oversized),
            ("ignored", metrics.ignored), ("limited", metrics.limited), ("unsent", datagrams.unsent),
        ]
        return [
            MetricFamily(
                "stun_datagrams_total", .counter, help: "Datagrams at the STUN server, by what became of them.",
                samples: outcomes.map { .init($0.1.value, labels: [(name: "outcome", value: $0.0)]) }),
            MetricFamily(
                "stun_receive_errors_total", .counter, help: "System calls of the STUN server that failed.",
                samples: [.init(datagrams.receiveErrors.value)]),
        ]
    }

    /// Answers until the task is cancelled or a graceful shutdown begins; the ports are free again when it returns.
    /// - Throws: `DatagramServerError` when it is called a second time, or when waiting for datagrams fails.
    public func run() async throws {
        logger.info("STUN server started", metadata: ["addresses": "\(addresses)"])
        try await server.run()
        logger.info("STUN server stopped", metadata: ["answered": "\(datagrams.sent.value)"])
    }
}
