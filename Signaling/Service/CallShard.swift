import Logging
import NIOCore
import Primitives
import SignalingCore
import Storage

/// The door to the calls that live on one event loop. What one thread hands in is taken in its order.
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

    /// Hands an input in.
    func take(_ input: CallTable.Input) {
        loop.execute { self.runner.value.take(input) }
    }

    /// The lease has changed: the table goes by it as it is by the time it hears of it.
    func leaseChanged() {
        loop.execute { self.runner.value.takeLease() }
    }

    /// As above, and comes back when the table has heard of it.
    func leaseTaken() async {
        try? await loop.submit { self.runner.value.takeLease() }.get()
    }

    /// Takes up a call.
    ///
    /// - Returns: Whether it is taken up; false while an earlier picture of it is not settled.
    func adopt(_ stored: CallView, lastSeen: Instant) async -> Bool {
        (try? await loop.submit { self.runner.value.adopt(stored, lastSeen: lastSeen) }.get()) ?? false
    }

    /// The calls that nothing is under way for.
    func settledCalls() async -> [CallID] {
        (try? await loop.submit { self.runner.value.table.settledCalls }.get()) ?? []
    }

    /// Hands an input in, and comes back when it has been taken.
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
