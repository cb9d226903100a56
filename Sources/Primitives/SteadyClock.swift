/// The current time for a process: the machine's clock when it started, plus the time that has passed since. Never goes
/// back, and never jumps.
///
/// When the machine's clock is set, the steady one follows by running a tenth faster or slower until they agree: spans
/// measured meanwhile are wrong by a tenth, not by the jump. It is told the readings and reads no clock itself.
public struct SteadyClock: Sendable {
    /// How often the machine's clock is checked.
    static let lookSpan = Instant.Span.seconds(1)
    /// The steady clock catches up at a rate of one part in this many.
    static let slewing: Int64 = 10

    /// The machine's uptime when its clock was last checked.
    private var anchor: Instant
    /// What the steady clock showed then.
    private var shown: Instant
    /// How far the machine's clock was ahead then; negative when it was behind.
    private var gap = Instant.Span(microseconds: 0)

    /// Starts with the machine's clock.
    public init(system: Instant, uptime: Instant) {
        anchor = uptime
        shown = system
    }

    /// How far the machine's clock was ahead when it was last checked; negative when it was behind.
    public var distance: Instant.Span { gap }

    /// Whether the next reading needs the machine's clock.
    public func wantsLook(uptime: Instant) -> Bool { uptime - anchor >= Self.lookSpan }

    /// The time that it shows.
    public func reading(uptime: Instant) -> Instant {
        // The readings of two threads may arrive in the other order.
        let elapsed = max(0, (uptime - anchor).microseconds)
        let correction = max(-elapsed / Self.slewing, min(gap.microseconds, elapsed / Self.slewing))
        return shown + Instant.Span(microseconds: elapsed + correction)
    }

    /// Takes a reading of the machine's clock.
    public mutating func look(system: Instant, uptime: Instant) {
        guard uptime >= anchor else { return }
        shown = reading(uptime: uptime)
        anchor = uptime
        gap = system - shown
    }
}
