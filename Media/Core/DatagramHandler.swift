public import Primitives

/// What a datagram loop serves: it takes what arrives and says what to send, with no I/O, lock or clock of its own.
///
/// It belongs to one thread. Nothing here allocates, and neither should a handler once it is set up.
public protocol DatagramHandler: ~Copyable, SendableMetatype {
    /// Takes one datagram.
    /// - Parameters:
    ///   - datagram: The bytes, in the kernel's buffer; they are gone when the method returns.
    ///   - path: Where it came from, and to which address.
    ///   - now: When the batch that it belongs to arrived, on a clock that never goes back.
    ///   - outgoing: Where to put what is to be sent, at the latest soon after the last datagram of the batch.
    mutating func take(
        _ datagram: Span<UInt8>, on path: DatagramPath, now: Instant, sending outgoing: inout OutgoingDatagrams)

    /// When to wake the handler; nil for never. Asked after each batch.
    ///
    /// A handler that decides about a batch as a whole returns the time that it was given, and is woken when the batch
    /// is done. One that has more to send than there is room for leaves the deadline as it is, and is soon woken again.
    var deadline: Instant? { get }

    /// The deadline has passed. `outgoing` is empty.
    mutating func wake(now: Instant, sending outgoing: inout OutgoingDatagrams)
}

/// A handler that waits only for datagrams.
extension DatagramHandler where Self: ~Copyable {
    /// Never.
    public var deadline: Instant? { nil }

    /// Does nothing.
    public mutating func wake(now: Instant, sending outgoing: inout OutgoingDatagrams) {}
}
