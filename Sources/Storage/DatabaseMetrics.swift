public import Primitives

/// The metrics of one database, for monitoring.
public struct DatabaseMetrics: Sendable {
    /// Units that are durable.
    public let commits = Counter()
    /// Transactions that made them so; commits divided by batches is how many share a flush to disk.
    public let batches = Counter()
    /// Units that failed, for any reason.
    public let failures = Counter()
    /// Units that are waiting for the committer.
    public let queued = Gauge()
    /// Reading statements that succeeded.
    public let reads = Counter()
    /// Reading statements that failed.
    public let readFailures = Counter()
    /// Connections that were made to replace a lost one. Always 0 with SQLite.
    public let reconnects = Counter()

    init() {}

    /// The metrics in the form in which they are exposed.
    public var families: [MetricFamily] {
        [
            MetricFamily(
                "database_units_total", .counter, help: "Units of writing by outcome.",
                samples: [
                    .init(commits.value, labels: [("outcome", "committed")]),
                    .init(failures.value, labels: [("outcome", "failed")]),
                ]),
            MetricFamily(
                "database_batches_total", .counter, help: "Transactions of the group committer.",
                samples: [.init(batches.value)]),
            MetricFamily(
                "database_queued_units", .gauge, help: "Units that wait for the group committer.",
                samples: [.init(queued.value)]),
            MetricFamily(
                "database_reads_total", .counter, help: "Reading statements by outcome.",
                samples: [
                    .init(reads.value, labels: [("outcome", "answered")]),
                    .init(readFailures.value, labels: [("outcome", "failed")]),
                ]),
            MetricFamily(
                "database_reconnects_total", .counter, help: "Connections made in place of lost ones.",
                samples: [.init(reconnects.value)]),
        ]
    }
}
