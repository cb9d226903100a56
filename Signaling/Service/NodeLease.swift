import NIOConcurrencyHelpers
package import Primitives
package import SignalingCore
package import Storage

/// The lease of this process, for all threads; the tables of calls are told of each change.
final class NodeLease: Sendable {
    private enum State {
        /// Not taken yet. Can go to: held, given up.
        case none
        /// Valid until then; after that it has expired. Can go to: held, superseded, given up.
        case held(epoch: Int64, until: Instant)
        /// The node was started again elsewhere.
        case superseded
        /// The server has stopped.
        case givenUp
    }

    let node: NodeID
    /// How long the lease lasts without being renewed.
    let duration: Instant.Span
    private let state = NIOLockedValueBox(State.none)

    init(node: NodeID, duration: Instant.Span) {
        self.node = node
        self.duration = duration
    }

    /// The present lease.
    var value: Lease {
        state.withLockedValue { state in
            guard case .held(let epoch, let until) = state else { return .none }
            return Lease(holder: CallOwner(node: node, epoch: epoch), until: until)
        }
    }

    /// The owner that may write calls now; nil when none may.
    func owner(at now: Instant) -> CallOwner? { value.owner(at: now) }

    /// The owner for which to renew the lease, expired or not; nil when there is nothing to renew.
    var renewable: CallOwner? { value.holder }

    /// A new epoch has begun.
    func take(epoch: Int64, until: Instant) {
        state.withLockedValue { state in
            if case .none = state { state = .held(epoch: epoch, until: until) }
        }
    }

    /// The lease was renewed.
    func extend(until: Instant) {
        state.withLockedValue { state in
            if case .held(let epoch, _) = state { state = .held(epoch: epoch, until: until) }
        }
    }

    /// A later epoch of the node has begun: nothing is left to renew.
    func supersede() {
        state.withLockedValue { $0 = .superseded }
    }

    /// Gives the lease up.
    ///
    /// - Returns: The owner that had it; nil when nobody did.
    func giveUp() -> CallOwner? {
        let owner = renewable
        state.withLockedValue { $0 = .givenUp }
        return owner
    }
}

extension CallOwner {
    /// Begins the next epoch of a node, with a lease.
    package static func beginning(of node: NodeID, at now: Instant, until: Instant) -> WriteUnit {
        WriteUnit([Step(.takeLease, [.id(node), .instant(now), .instant(until)], expectedRows: 1)])
    }

    /// The node in the epoch that `beginning` has begun.
    package init(_ node: NodeID, begunBy results: [StepResult]) throws(DatabaseError) {
        guard let epoch = try results.first?.rows.first?.integer("epoch") else {
            throw DatabaseError(.invalid, "take_lease returned no epoch")
        }
        self.init(node: node, epoch: epoch)
    }

    /// Fails the unit when a later epoch of the node has begun.
    package var fence: Step { Step(.nodeInEpoch, [.id(node), .integer(epoch)], expectedRows: 1) }

    /// Makes an open call this owner's, if it may be taken over.
    package func adoption(of call: CallID, at now: Instant) -> WriteUnit {
        WriteUnit([
            Step(.adoptCall, [.id(node), .integer(epoch), .instant(now), .id(call)], expectedRows: 1)
        ])
    }

    /// Lets the owner adopt an open call of its own again.
    package func readoption(of call: CallID) -> WriteUnit {
        WriteUnit([Step(.readoptCall, [.id(node), .integer(epoch), .id(call)], expectedRows: 1)])
    }

    /// Sets the end of the lease, later or now. Fails when a later epoch of the node has begun.
    package func renewal(at now: Instant, until: Instant) -> WriteUnit {
        WriteUnit([
            Step(.renewLease, [.id(node), .integer(epoch), .instant(now), .instant(until)], expectedRows: 1)
        ])
    }
}
