import Foundation
public import Logging
public import MediaCore
import NIOConcurrencyHelpers
import Primitives
public import ServiceLifecycle

/// A STUN server (RFC 8489 §12): tells whoever asks the address that their datagrams seem to come from.
///
/// Two browsers behind address translation find each other with nothing else set up. The server runs on a thread of its
/// own and keeps nothing about those who ask, but for how many answers a network got within the last seconds.
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

    /// Where it listens, in the order of the configuration, the ports that the system chose filled in.
    ///
    /// What is of a version of the Internet Protocol that the machine does not speak is missing.
    public let addresses: [TransportAddress]
    /// What it counts.
    public let metrics = STUNMetrics()

    private let limits: AnswerLimiter.Limits
    private let key: UInt64
    private let logger: Logger
    private let wake: WakeSignal
    /// Open and waiting for `run`, which takes them.
    private let sockets: NIOLockedValueBox<[UDPSocket]?>

    /// Binds the sockets; datagrams wait in them until `run`.
    /// - Parameters:
    ///   - configuration: Where to listen and how much to answer.
    ///   - key: What spreads networks over the limiter's buckets; outsiders must not know it.
    ///   - logger: Told of start and end; never of who asked.
    /// - Throws: `STUNServerError` when an address cannot be bound; then none is. An IPv6 address on a machine without
    ///   IPv6 (or the reverse) is left out, unless nothing else remains.
    public init(
        _ configuration: Configuration, key: UInt64 = .random(in: 0...UInt64.max), logger: Logger
    ) throws(STUNServerError) {
        var bound: [UDPSocket] = []
        var missing: STUNServerError?
        for address in configuration.addresses {
            do {
                bound.append(try UDPSocket(boundTo: address))
            } catch {
                guard error.code == .noSuchFamily else { throw error }
                logger.warning("STUN address left out", metadata: ["address": "\(address)", "reason": "\(error)"])
                missing = error
            }
        }
        if bound.isEmpty, let missing { throw missing }
        addresses = bound.map(\.address)
        limits = configuration.limits
        self.key = key
        self.logger = logger
        wake = try WakeSignal()
        sockets = NIOLockedValueBox(bound)
    }

    /// Answers until the task is cancelled or a graceful shutdown begins; the ports are free again when it returns.
    /// - Throws: `STUNServerError` when it is called a second time, or when waiting for datagrams fails.
    public func run() async throws {
        guard let bound = sockets.withLockedValue({ $0.take() }) else {
            throw STUNServerError(.alreadyRun, "a STUN server runs only once")
        }
        let loop = STUNLoop(sockets: bound, wake: wake, limits: limits, key: key, metrics: metrics)
        logger.info("STUN server started", metadata: ["addresses": "\(addresses)"])
        try await withTaskCancellationHandler {
            try await withGracefulShutdownHandler {
                try await onOwnThread { try loop.run() }
            } onGracefulShutdown: {
                self.wake.signal()
            }
        } onCancel: {
            wake.signal()
        }
        logger.info("STUN server stopped", metadata: ["answered": "\(metrics.answered.value)"])
    }

    private func onOwnThread(_ work: @escaping @Sendable () throws -> Void) async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            let thread = Thread {
                continuation.resume(with: Result { try work() })
            }
            thread.name = "stun"
            thread.start()
        }
    }
}
