import MediaCore
public import Primitives

/// A STUN server as a datagram handler: what `STUNResponder` answers, as far as `AnswerLimiter` allows.
struct STUNHandler: DatagramHandler {
    private var limiter: AnswerLimiter
    private let metrics: STUNMetrics

    /// Makes a handler that has answered nobody yet.
    /// - Parameters:
    ///   - limiter: How many answers there may be.
    ///   - metrics: Where it counts what it does not answer.
    init(_ limiter: AnswerLimiter, metrics: STUNMetrics) {
        self.limiter = limiter
        self.metrics = metrics
    }

    /// Answers a Binding request to its source.
    mutating func take(
        _ datagram: Span<UInt8>, on path: DatagramPath, now: Instant, sending outgoing: inout OutgoingDatagrams
    ) {
        outgoing.append(to: path, atMost: STUNResponder.longestAnswer) { room in
            switch STUNResponder.respond(to: datagram, from: path.remote, into: &room) {
            case .answer(let count):
                if limiter.admit(path.remote.host, now: now) { return count }
                metrics.limited.add()
            case .silence:
                metrics.ignored.add()
            case .malformed:
                metrics.malformed.add()
            }
            return nil
        }
    }
}

/// What a STUN server counts of the datagrams that it does not answer.
public struct STUNMetrics: Sendable {
    /// Not STUN, or broken.
    public let malformed = Counter()
    /// Well formed, but not a Binding request.
    public let ignored = Counter()
    /// Requests that were over a limit.
    public let limited = Counter()
}
