public import Primitives

/// What a STUN server counts. All figures are of datagrams.
public struct STUNMetrics: Sendable {
    /// Taken from the sockets.
    public let received = Counter()
    /// Answered, with an address or a refusal.
    public let answered = Counter()
    /// Not STUN, or broken; not answered.
    public let malformed = Counter()
    /// Well formed, but no Binding request; not answered.
    public let ignored = Counter()
    /// Requests that were over a limit; not answered.
    public let limited = Counter()
    /// Answers that the system did not take.
    public let unsent = Counter()
    /// System calls that failed while receiving.
    public let receiveErrors = Counter()

    /// Starts at 0.
    public init() {}

    /// The figures for the metrics page.
    public var families: [MetricFamily] {
        let outcomes = [
            ("answered", answered), ("malformed", malformed), ("ignored", ignored), ("limited", limited),
            ("unsent", unsent),
        ]
        return [
            MetricFamily(
                "stun_datagrams_total", .counter, help: "Datagrams at the STUN server, by what became of them.",
                samples: outcomes.map { .init($0.1.value, labels: [(name: "outcome", value: $0.0)]) }),
            MetricFamily(
                "stun_receive_errors_total", .counter, help: "System calls of the STUN server that failed.",
                samples: [.init(receiveErrors.value)]),
        ]
    }
}
