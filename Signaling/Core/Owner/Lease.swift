public import Primitives

/// Who may write a call: a node, in the epoch that began with its last start.
public struct CallOwner: Sendable, Hashable {
    /// The node.
    public let node: NodeID
    /// Its epoch; each start of the node begins the next.
    public let epoch: Int64

    /// Names an owner.
    public init(node: NodeID, epoch: Int64) {
        self.node = node
        self.epoch = epoch
    }
}

/// The right of this process to write calls, while it lasts.
///
/// Every write is fenced by owner and epoch in the database in any case. The lease keeps a node that may have lost its
/// calls from answering for them, and lets other nodes know when to take them over.
public struct Lease: Sendable, Equatable {
    /// The owner that took the lease; nil when it was not taken, was given up, or the node was started again elsewhere.
    public let holder: CallOwner?
    /// Until when it is valid, by this process's clock.
    public let until: Instant

    /// No right at all.
    public static let none = Lease(holder: nil, until: Instant(microseconds: 0))

    /// A lease of an owner.
    public init(holder: CallOwner?, until: Instant) {
        self.holder = holder
        self.until = until
    }

    /// The owner that may write calls now; nil when none may.
    public func owner(at now: Instant) -> CallOwner? { now < until ? holder : nil }
}
