extension Statement {
    static let outbox = [
        insertOutboxEntry, claimOldestOfStreams, claimNewestOfStreams, finishOutboxEntry, supersedeOutboxEntries,
        postponeOutboxEntry, postponeOutboxStream, outboxEntriesOfStream, pendingOutboxEntries, nextDueOutboxEntry,
        deleteFinishedOutboxEntries,
    ]

    /// Puts something into the outbox, due at once.
    ///
    /// Parameters: id, channel, stream, kind, body, created_at (also the due_at), expires_at.
    public static let insertOutboxEntry = Statement(
        "insert_outbox_entry",
        """
        INSERT INTO outbox (id, channel, stream, kind, body, created_at, due_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $6, $7)
        """)

    /// Claims due entries of a channel that have nothing unfinished before them in their stream, longest due first;
    /// counts the attempt. Returns number, id, stream, kind, body, attempts, created_at, expires_at of each, in no
    /// order.
    ///
    /// Parameters: claim, claimed_until, channel, now, limit.
    public static let claimOldestOfStreams = Statement(
        "claim_oldest_of_streams",
        claim(
            """
            NOT EXISTS (
                SELECT 1 FROM outbox AS other
                WHERE other.stream = o.stream AND other.finished_at IS NULL AND other.number < o.number)
            """))

    /// Claims due entries of a channel that have nothing after them in their stream, and nothing in it that is claimed;
    /// otherwise as `claimOldestOfStreams`.
    ///
    /// Parameters: claim, claimed_until, channel, now, limit.
    public static let claimNewestOfStreams = Statement(
        "claim_newest_of_streams",
        claim(
            """
            NOT EXISTS (
                SELECT 1 FROM outbox AS other
                WHERE other.stream = o.stream AND other.finished_at IS NULL
                    AND (other.number > o.number OR other.claimed_until > $4))
            """))

    /// Stores the outcome of an entry. Changes no row when somebody else has the lease.
    ///
    /// Parameters: number, claim, finished_at, outcome.
    public static let finishOutboxEntry = Statement(
        "finish_outbox_entry",
        """
        UPDATE outbox SET finished_at = $3, outcome = $4, claim = NULL, claimed_until = NULL
        WHERE number = $1 AND claim = $2
        """)

    /// Marks all unfinished entries of a stream before one of them as no longer needed.
    ///
    /// Parameters: stream, the entry's number, finished_at.
    public static let supersedeOutboxEntries = Statement(
        "supersede_outbox_entries",
        """
        UPDATE outbox SET finished_at = $3, outcome = 'superseded', claim = NULL, claimed_until = NULL
        WHERE stream = $1 AND number < $2 AND finished_at IS NULL
        """)

    /// Releases an entry, to be sent later. Changes no row when somebody else has the lease.
    ///
    /// Parameters: number, claim, due_at.
    public static let postponeOutboxEntry = Statement(
        "postpone_outbox_entry",
        "UPDATE outbox SET due_at = $3, claim = NULL, claimed_until = NULL WHERE number = $1 AND claim = $2")

    /// Postpones what comes after a postponed entry in its stream as long, so that nobody checks it for nothing.
    ///
    /// Parameters: stream, due_at.
    public static let postponeOutboxStream = Statement(
        "postpone_outbox_stream",
        "UPDATE outbox SET due_at = $2 WHERE stream = $1 AND finished_at IS NULL AND due_at < $2")

    /// Lists kind, attempts and outcome of all entries of a stream, in order.
    ///
    /// Parameters: stream.
    public static let outboxEntriesOfStream = Statement(
        "outbox_entries_of_stream", "SELECT kind, attempts, outcome FROM outbox WHERE stream = $1 ORDER BY number")

    /// Counts unfinished entries of a channel, as `pending`.
    ///
    /// Parameters: channel.
    public static let pendingOutboxEntries = Statement(
        "pending_outbox_entries", "SELECT COUNT(*) AS pending FROM outbox WHERE channel = $1 AND finished_at IS NULL")

    /// The next moment after another at which an entry of a channel is due, as `due_at`; no row when there is none.
    ///
    /// Parameters: channel, the other moment.
    public static let nextDueOutboxEntry = Statement(
        "next_due_outbox_entry",
        """
        SELECT due_at FROM outbox WHERE channel = $1 AND finished_at IS NULL AND due_at > $2
        ORDER BY due_at LIMIT 1
        """)

    /// Deletes entries that were finished before a moment.
    ///
    /// Parameters: the moment, how many at most.
    public static let deleteFinishedOutboxEntries = Statement(
        "delete_finished_outbox_entries",
        """
        DELETE FROM outbox WHERE number IN (
            SELECT number FROM outbox WHERE finished_at < $1 ORDER BY finished_at LIMIT $2)
        """)

    private static func claim(_ isNext: String) -> String {
        // The outer conditions are checked again when another server was faster with a row.
        """
        UPDATE outbox SET claim = $1, claimed_until = $2, attempts = attempts + 1
        WHERE finished_at IS NULL AND (claimed_until IS NULL OR claimed_until <= $4) AND number IN (
            SELECT o.number FROM outbox AS o
            WHERE o.channel = $3 AND o.finished_at IS NULL AND o.due_at <= $4
                AND (o.claimed_until IS NULL OR o.claimed_until <= $4) AND \(isNext)
            ORDER BY o.due_at, o.number
            LIMIT $5)
        RETURNING number, id, stream, kind, body, attempts, created_at, expires_at
        """
    }
}
