import Wire

/// Whether a server's limits allow a load. Without this, `rate_limited` in a report is hard to explain.
enum Advice {
    /// How many commands the busier side of a call sends: invite, description, ten candidates, hang-up.
    static let commandsPerCall = 13.0
    /// How many commands each side of a pair sends for a relay: they take turns.
    static let commandsPerRelay = 0.5

    /// Warns of a load that the server's limits do not allow; nil when they do.
    /// - Parameters:
    ///   - rate: Pieces a second, over all pairs.
    ///   - commandsPerPiece: How many commands the busier socket of a pair sends for each.
    ///   - invitesPerPiece: How many calls the first user of a pair places for each.
    static func warning(
        limits: WireLimits, pairs: Int, rate: Double, commandsPerPiece: Double, invitesPerPiece: Double
    ) -> String? {
        let perPair = rate / Double(pairs)
        if limits.commandsPerSecond > 0, perPair * commandsPerPiece > Double(limits.commandsPerSecond) {
            return "the server takes \(limits.commandsPerSecond) commands a second from a socket: use more pairs"
        }
        if limits.invitesPerMinute > 0, perPair * invitesPerPiece * 60 > Double(limits.invitesPerMinute) {
            return """
                the server lets a user place \(limits.invitesPerMinute) calls a minute: use more pairs, or set \
                RINGBACK_CALLS_INVITES_PER_MINUTE at the server
                """
        }
        return nil
    }
}
