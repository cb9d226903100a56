extension Statement {
    static let nodes = [takeLease, renewLease, nodeByID, nodeInEpoch, leasesAhead, endLeaseAhead, forgetNodes]

    /// Begins a new epoch of a node, with a lease. Returns the `epoch`: at the first start one above those of all
    /// nodes, then one more each time.
    ///
    /// Parameters: id, now, when the lease expires.
    public static let takeLease = Statement(
        "take_lease",
        """
        INSERT INTO nodes (id, epoch, started_at, renewed_at, expires_at)
        VALUES ($1, (SELECT COALESCE(MAX(epoch), 0) + 1 FROM nodes), $2, $2, $3)
        ON CONFLICT (id) DO UPDATE SET epoch = nodes.epoch + 1, started_at = excluded.started_at,
            renewed_at = excluded.renewed_at, expires_at = excluded.expires_at
        RETURNING epoch
        """)

    /// Extends a lease, or ends it. Expect one row: none means that a later epoch of the node has begun.
    ///
    /// Parameters: id, epoch, now, when the lease expires.
    public static let renewLease = Statement(
        "renew_lease", "UPDATE nodes SET renewed_at = $3, expires_at = $4 WHERE id = $1 AND epoch = $2")

    /// Finds a node.
    ///
    /// Parameters: id.
    public static let nodeByID = Statement(
        "node_by_id", "SELECT id, epoch, started_at, renewed_at, expires_at FROM nodes WHERE id = $1")

    /// Finds a node in an epoch. As a step that expects one row it prevents an earlier process of the node from
    /// writing.
    ///
    /// Parameters: id, epoch.
    public static let nodeInEpoch = Statement("node_in_epoch", "SELECT 1 FROM nodes WHERE id = $1 AND epoch = $2")

    /// Lists other nodes whose last sign of life is after a moment: id, renewed_at.
    ///
    /// Parameters: the node that asks, the moment.
    public static let leasesAhead = Statement(
        "leases_ahead", "SELECT id, renewed_at FROM nodes WHERE id <> $1 AND renewed_at > $2")

    /// Ends a lease that has not been renewed since it was read.
    ///
    /// Parameters: id, renewed_at as it was then, now.
    public static let endLeaseAhead = Statement(
        "end_lease_ahead", "UPDATE nodes SET renewed_at = $3, expires_at = $3 WHERE id = $1 AND renewed_at = $2")

    /// Deletes nodes whose lease expired before a moment and that own no open call. One that returns anyway gets an
    /// epoch that it never had, because the node with the greatest epoch stays.
    ///
    /// Parameters: the moment.
    public static let forgetNodes = Statement(
        "forget_nodes",
        """
        DELETE FROM nodes
        WHERE expires_at < $1 AND epoch < (SELECT MAX(m.epoch) FROM nodes AS m)
            AND NOT EXISTS (
                SELECT 1 FROM calls AS c WHERE c.owner_id = nodes.id AND c.status IN ('initiated', 'ongoing'))
        """)
}
