import Primitives

/// The counters of a storm.
struct StormStatistics: Sendable {
    /// Calls that were placed, each once.
    var placed = 0
    /// How long calls were placed, in seconds.
    var stormSeconds = 0.0
    /// Calls that a callee answered.
    var answered = 0
    /// Invites in the schedule for which nobody was free.
    var skipped = 0
    /// Commands whose success was acknowledged.
    var acknowledged = 0
    /// Commands that were finally refused, by code.
    var refused: [String: Int] = [:]
    /// Answers that said `UNAVAILABLE`.
    var unavailable = 0
    /// Commands that were sent again.
    var repeats = 0
    /// Sockets that were reopened.
    var reconnects = 0
    /// Sockets that were lost, by reason.
    var losses: [String: Int] = [:]
    /// Signals that reached another participant.
    var relayed = 0
    /// Signals that arrived while the database was away.
    var relayedInOutage = 0
    /// Answers that said `UNAVAILABLE` while the database was away.
    var unavailableInOutage = 0
    /// Messages that were acknowledged.
    var messages = 0
    /// Calls by how they ended, from the database.
    var ends: [String: Int] = [:]
}
