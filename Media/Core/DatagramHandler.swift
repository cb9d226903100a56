public import Primitives

/// What a loop of datagrams serves: takes what comes and says what is to be sent, with no I/O, lock or clock of its own.
///
/// It belongs to one thread. Nothing here allocates, and neither should a handler once it is set up.
public protocol DatagramHandler: ~Copyable, SendableMetatype {
    /// Takes one datagram.
    /// - Parameters:
    ///   - datagram: The bytes, which lie where the kernel has put them and are gone when the method returns.
    ///   - path: Where it came from, and to which address.
    ///   - now: When the batch came to which it belongs, on a clock that never goes back.
    ///   - outgoing: Where to put what is to be sent. It is sent soon after the last datagram of the batch at the latest.
    mutating func take(
        _ datagram: Span<UInt8>, on path: DatagramPath, now: Instant, sending outgoing: inout OutgoingDatagrams)

    /// When to be woken; nil for never. Asked after each batch.
    ///
    /// A handler that decides about a batch as a whole names the time that it was given: it is woken when the batch is
    /// through. One that has more to send than there is room for leaves the deadline as it is, and is soon woken again.
    var deadline: Instant? { get }

    /// The deadline has passed. `outgoing` is empty.
    mutating func wake(now: Instant, sending outgoing: inout OutgoingDatagrams)
}

/// A handler that waits for datagrams alone.
extension DatagramHandler where Self: ~Copyable {
    /// Never.
    public var deadline: Instant? { nil }

    /// Does nothing.
    public mutating func wake(now: Instant, sending outgoing: inout OutgoingDatagrams) {}
}
