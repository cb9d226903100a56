public import Primitives

/// What an outbox counts.
public struct OutboxMetrics: Sendable {
    /// Which service it is for; the names are those of the stored channels.
    enum Channel: String, CaseIterable {
        case webhook
        case push
    }

    /// The outcome of a delivery; the names are those of the stored outcomes.
    enum Outcome: String, CaseIterable {
        /// The service accepted it.
        case delivered
        /// It grew too old.
        case givenUp = "given_up"
        /// A push came too late to be of use.
        case expired
        /// A later push replaced it.
        case superseded
        /// No device had to be woken, or none had been.
        case unneeded
    }

    /// The metrics of one channel.
    struct Figures: Sendable {
        /// Pending deliveries.
        let pending = Gauge()
        /// Deliveries in flight.
        let inFlight = Gauge()
        /// Finished deliveries.
        let outcomes: [Outcome: Counter] = Dictionary(
            uniqueKeysWithValues: Outcome.allCases.map { ($0, Counter()) })
        /// Attempts that the service did not accept.
        let failedAttempts = Counter()
        /// From the event to its delivery, summed over what was delivered, in milliseconds.
        let latency = Counter()

        func count(_ outcome: Outcome, _ count: Int = 1) {
            outcomes[outcome]?.add(count)
        }
    }

    let webhook = Figures()
    let push = Figures()

    init() {}

    subscript(_ channel: Channel) -> Figures {
        switch channel {
        case .webhook: webhook
        case .push: push
        }
    }

    /// The metrics for Prometheus.
    public var families: [MetricFamily] {
        [
            family("outbox_pending", .gauge, help: "Deliveries that are still to be made.") { $0.pending.value },
            family("outbox_in_flight", .gauge, help: "Requests that are under way.") { $0.inFlight.value },
            MetricFamily(
                "outbox_deliveries_total", .counter, help: "Deliveries that are finished, by outcome.",
                samples: Channel.allCases.flatMap { channel in
                    Outcome.allCases.map { outcome in
                        .init(
                            self[channel].outcomes[outcome]?.value ?? 0,
                            labels: [("channel", channel.rawValue), ("outcome", outcome.rawValue)])
                    }
                }),
            family("outbox_failed_attempts_total", .counter, help: "Requests that were not taken.") {
                $0.failedAttempts.value
            },
            family(
                "outbox_latency_milliseconds_total", .counter,
                help: "From the event to its delivery, summed over what was delivered."
            ) { $0.latency.value },
        ]
    }

    private func family(
        _ name: String, _ kind: MetricFamily.Kind, help: String, _ figure: (Figures) -> Int
    ) -> MetricFamily {
        MetricFamily(
            name, kind, help: help,
            samples: Channel.allCases.map { .init(figure(self[$0]), labels: [("channel", $0.rawValue)]) })
    }
}
