import Logging
import NIOCore
import Primitives
import SignalingCore
import Storage

/// The entry to the calls that live on one event loop. Inputs from one thread are handled in order.
final class CallShard: Sendable {
    /// What a shard needs.
    struct Dependencies: Sendable {
        let database: any Database
        let archive: CallArchive
        let lease: NodeLease
        let openCalls: OpenCalls
        let events: any CallEvents
        let presence: any DevicePresence
        let recorders: [any CallRecorder]
        let rules: CallRules
        let metrics: CallMetrics
        let now: @Sendable () -> Instant
        let logger: Logger
    }

    let loop: any EventLoop
    private let runner: NIOLoopBoundBox<CallTableRunner>

    init(loop: any EventLoop, dependencies: Dependencies) {
        self.loop = loop
        runner = CallTableRunner.make(on: loop, dependencies)
    }

    /// Passes an input to the table.
    func take(_ input: CallTable.Input) {
        loop.execute { self.runner.value.take(input) }
    }

    /// The lease has changed: the table gets its value at the time when it is told.
    func leaseChanged() {
        loop.execute { self.runner.value.takeLease() }
    }

    /// Like `leaseChanged()`, and returns when the table has been told.
    func leaseTaken() async {
        try? await loop.submit { self.runner.value.takeLease() }.get()
    }

    /// Adopts a call.
    ///
    /// - Returns: Whether it was adopted; false while an earlier state of it is not settled.
    func adopt(_ stored: CallView, lastSeen: Instant) async -> Bool {
        (try? await loop.submit { self.runner.value.adopt(stored, lastSeen: lastSeen) }.get()) ?? false
    }

    /// The calls with no commit in flight.
    func settledCalls() async -> [CallID] {
        (try? await loop.submit { self.runner.value.table.settledCalls }.get()) ?? []
    }

    /// Passes an input to the table, and returns when it has been handled.
    func taken(_ input: CallTable.Input) async {
        try? await loop.submit { self.runner.value.take(input) }.get()
    }

    /// A device has a socket: the future gets every open call of its user.
    func deviceReturned(_ origin: CallOrigin) -> EventLoopFuture<[CallView]> {
        loop.submit {
            self.runner.value.take(.deviceReturned(origin))
            return self.runner.value.table.openCalls(of: origin.user)
        }
    }
}
