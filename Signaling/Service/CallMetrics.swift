public import Primitives
public import SignalingCore

/// What the call service counts.
public struct CallMetrics: Sendable {
    /// Calls that are open now.
    public let open = Gauge()
    /// Invites received, including repeats.
    public let invites = Counter()
    /// Calls that were placed.
    public let placed = Counter()
    /// Calls that were answered.
    public let answered = Counter()
    /// Calls that ended, by their reason.
    public let ended: [Call.EndReason: Counter] = Dictionary(
        uniqueKeysWithValues: Call.EndReason.allCases.map { ($0, Counter()) })
    /// Signals that were relayed or put into a mailbox.
    public let relayedSignals = Counter()
    /// Signals that were dropped because their call or generation was over.
    public let droppedSignals = Counter()
    /// Commands that were refused because of their sender's rate.
    public let limitedCommands = Counter()
    /// How often a call rested because it had used its event loop long enough.
    public let rests = Counter()
    /// Transitions that could not be committed.
    public let failedCommits = Counter()

    /// 1 while this node holds its lease, else 0.
    public let leaseHeld = Gauge()
    /// Renewals of the lease that failed.
    public let failedRenewals = Counter()
    /// Calls that were adopted: after a start, or from another node.
    public let adopted = Counter()
    /// Calls that were let go, because another node owns them.
    public let letGo = Counter()

    init() {}

    /// The figures for Prometheus.
    public var families: [MetricFamily] {
        [
            MetricFamily("calls_open", .gauge, help: "Calls that are open now.", samples: [.init(open.value)]),
            MetricFamily(
                "call_invites_total", .counter, help: "Invites that came in.", samples: [.init(invites.value)]),
            MetricFamily("calls_placed_total", .counter, help: "Calls placed.", samples: [.init(placed.value)]),
            MetricFamily("calls_answered_total", .counter, help: "Calls answered.", samples: [.init(answered.value)]),
            MetricFamily(
                "calls_ended_total", .counter, help: "Calls ended, by reason.",
                samples: Call.EndReason.allCases.map { reason in
                    .init(ended[reason]?.value ?? 0, labels: [("reason", reason.rawValue)])
                }),
            MetricFamily(
                "call_signals_relayed_total", .counter, help: "Descriptions and candidates relayed.",
                samples: [.init(relayedSignals.value)]),
            MetricFamily(
                "call_signals_dropped_total", .counter, help: "Descriptions and candidates that came too late.",
                samples: [.init(droppedSignals.value)]),
            MetricFamily(
                "call_commands_limited_total", .counter, help: "Commands to calls refused for their sender's rate.",
                samples: [.init(limitedCommands.value)]),
            MetricFamily(
                "call_rests_total", .counter, help: "How often a busy call rested.",
                samples: [.init(rests.value)]),
            MetricFamily(
                "call_commits_failed_total", .counter, help: "Call transitions that could not be committed.",
                samples: [.init(failedCommits.value)]),
            MetricFamily(
                "node_lease_held", .gauge, help: "Whether this node holds its lease.",
                samples: [.init(leaseHeld.value)]),
            MetricFamily(
                "node_lease_renewals_failed_total", .counter, help: "Renewals of the lease that failed.",
                samples: [.init(failedRenewals.value)]),
            MetricFamily(
                "calls_adopted_total", .counter, help: "Calls adopted after a start or from another node.",
                samples: [.init(adopted.value)]),
            MetricFamily(
                "calls_let_go_total", .counter, help: "Calls let go because another node owns them.",
                samples: [.init(letGo.value)]),
        ]
    }

    /// Adds what has happened to the calls of a table, and resets the tally.
    func count(_ tally: inout CallTally) {
        if tally.isEmpty { return }
        placed.add(tally.placed)
        answered.add(tally.answered)
        for reason in tally.ended { ended[reason]?.add() }
        relayedSignals.add(tally.relayedSignals)
        droppedSignals.add(tally.droppedSignals)
        rests.add(tally.rests)
        letGo.add(tally.letGo)
        tally = CallTally()
    }
}
