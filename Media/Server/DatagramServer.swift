import Foundation
public import Logging
public import MediaCore
import NIOConcurrencyHelpers
public import Primitives
public import ServiceLifecycle

/// Owns UDP sockets and a thread that serves a handler with them.
///
/// For more than one thread, use several handlers, with a server and a port for each.
public final class DatagramServer<Handler: DatagramHandler & ~Copyable>: Service {
    /// Where it listens, in the order asked for, with the ports that the system chose filled in.
    ///
    /// Addresses of an IP version that the machine does not support are missing.
    public let addresses: [TransportAddress]
    /// What it counts.
    public let metrics = DatagramMetrics()

    private let name: String
    private let makeHandler: @Sendable (Instant) -> Handler
    private let stop: WakeSignal
    /// Open and waiting for `run`, which takes them.
    private let sockets: NIOLockedValueBox<[UDPSocket]?>

    /// Binds the sockets; datagrams wait in them until `run`.
    /// - Parameters:
    ///   - name: The name in the log and of the thread; the system shows 15 bytes of a thread's name.
    ///   - addresses: Where to listen; port 0 lets the system choose.
    ///   - logger: Reports an address that is left out.
    ///   - makeHandler: Makes the handler, on the thread that it will belong to, at the time given.
    /// - Throws: `DatagramServerError` when an address cannot be bound; then none is. An IPv6 address on a machine without
    ///   IPv6 (or the reverse) is left out, unless nothing else remains.
    public init(
        _ name: String, at addresses: [TransportAddress], logger: Logger,
        makeHandler: @escaping @Sendable (Instant) -> Handler
    ) throws(DatagramServerError) {
        var bound: [UDPSocket] = []
        var missing: DatagramServerError?
        for address in addresses {
            do {
                bound.append(try UDPSocket(boundTo: address))
            } catch {
                guard error.code == .noSuchFamily else { throw error }
                logger.warning(
                    "address skipped",
                    metadata: ["server": "\(name)", "address": "\(address)", "reason": "\(error)"])
                missing = error
            }
        }
        if bound.isEmpty, let missing { throw missing }
        self.addresses = bound.map(\.address)
        self.name = name
        self.makeHandler = makeHandler
        stop = try WakeSignal()
        sockets = NIOLockedValueBox(bound)
    }

    /// Serves until the task is cancelled or a graceful shutdown begins; the ports are free again when it returns.
    /// - Throws: `DatagramServerError` when it is called a second time, or when waiting for datagrams fails.
    public func run() async throws {
        guard let bound = sockets.withLockedValue({ $0.take() }) else {
            throw DatagramServerError(.alreadyRun, "the \(name) server runs only once")
        }
        try await withTaskCancellationHandler {
            try await withGracefulShutdownHandler {
                try await onOwnThread {
                    defer { for socket in bound { socket.close() } }
                    var loop = DatagramLoop(
                        bound, self.makeHandler(.ofUptime), stop: self.stop, metrics: self.metrics)
                    try loop.run()
                }
            } onGracefulShutdown: {
                self.stop.signal()
            }
        } onCancel: {
            stop.signal()
        }
    }

    private func onOwnThread(_ work: @escaping @Sendable () throws -> Void) async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            let thread = Thread {
                continuation.resume(with: Result { try work() })
            }
            thread.name = name
            thread.start()
        }
    }
}
