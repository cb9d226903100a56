import Primitives
import Storage

/// One item to be sent, as stored in the outbox.
struct Entry: Sendable {
    let number: Int64
    let id: DeliveryID
    let stream: String
    let kind: String
    let body: String
    /// How often sending was attempted, including this attempt.
    let attempts: Int
    let createdAt: Instant
    let expiresAt: Instant
    /// The lease under which it is held.
    let claim: ClaimID

    init(_ row: Row, claim: ClaimID) throws(DatabaseError) {
        number = try row.integer("number")
        id = try row.id("id")
        stream = try row.text("stream")
        kind = try row.text("kind")
        body = try row.text("body")
        attempts = Int(try row.integer("attempts"))
        createdAt = try row.instant("created_at")
        expiresAt = try row.instant("expires_at")
        self.claim = claim
    }

    /// The step that puts something new into the outbox.
    static func insert(
        _ id: DeliveryID, _ channel: OutboxMetrics.Channel, stream: String, kind: String, body: String, at: Instant,
        expiresAt: Instant
    ) -> Step {
        Step(
            .insertOutboxEntry,
            [
                .id(id), .text(channel.rawValue), .text(stream), .text(kind), .text(body), .instant(at),
                .instant(expiresAt),
            ])
    }

    /// The step that notes what became of it.
    func finish(_ outcome: OutboxMetrics.Outcome, at now: Instant) -> Step {
        Step(.finishOutboxEntry, [.integer(number), .id(claim), .instant(now), .text(outcome.rawValue)])
    }

    /// The step that gives it back, to be sent later.
    func postpone(until due: Instant) -> Step {
        Step(.postponeOutboxEntry, [.integer(number), .id(claim), .instant(due)])
    }
}
