public import Primitives

/// What a datagram server counts. All figures except the last are of datagrams.
public struct DatagramMetrics: Sendable {
    /// Taken from the sockets.
    public let received = Counter()
    /// Longer than the handler accepts; dropped.
    public let oversized = Counter()
    /// Passed to the system to send.
    public let sent = Counter()
    /// Not sent: the system did not accept them, or there were more at once than there is room for.
    public let unsent = Counter()
    /// System calls that failed while receiving.
    public let receiveErrors = Counter()

    /// Starts at 0.
    public init() {}
}
