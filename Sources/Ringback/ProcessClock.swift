import Logging
import NIOConcurrencyHelpers
import Primitives

/// The steady clock of this process, which everything in it uses to measure time.
final class ProcessClock: Sendable {
    /// If the machine's clock is further off, it was set, not just a little wrong.
    private static let notable = Instant.Span.seconds(5)

    private let state = NIOLockedValueBox(
        (clock: SteadyClock(system: .ofSystemClock, uptime: .ofUptime), isAway: false))
    private let logger: Logger

    init(logger: Logger) {
        self.logger = logger
    }

    /// The current time.
    @Sendable
    func now() -> Instant {
        let uptime = Instant.ofUptime
        let (reading, jump) = state.withLockedValue { state -> (Instant, Instant.Span?) in
            guard state.clock.wantsLook(uptime: uptime) else { return (state.clock.reading(uptime: uptime), nil) }
            state.clock.look(system: .ofSystemClock, uptime: uptime)
            let wasAway = state.isAway
            state.isAway = abs(state.clock.distance.microseconds) > Self.notable.microseconds
            return (state.clock.reading(uptime: uptime), state.isAway && !wasAway ? state.clock.distance : nil)
        }
        if let jump {
            logger.warning(
                "the system's clock was set; the server follows slowly, or at once after a restart",
                metadata: ["ahead_ms": "\(jump.milliseconds)"])
        }
        return reading
    }
}
