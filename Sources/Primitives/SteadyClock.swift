/// The present as a process takes it: the machine's clock when it began, and the time that has passed since. Never goes
/// back, and never jumps.
///
/// When the machine's clock is set, the steady one follows by going a tenth faster or slower until they agree: spans that
/// are measured meanwhile are wrong by a tenth, not by the jump. It is told what the clocks say and reads none itself.
public struct SteadyClock: Sendable {
    /// How often the machine's clock is looked at.
    static let lookSpan = Instant.Span.seconds(1)
    /// The steady clock catches up by one part in so many.
    static let slewing: Int64 = 10

    /// The machine's uptime when its clock was last looked at.
    private var anchor: Instant
    /// What the steady clock showed then.
    private var shown: Instant
    /// How far the machine's clock was ahead then; negative when it was behind.
    private var gap = Instant.Span(microseconds: 0)

    /// Begins with what the machine's clock says.
    public init(system: Instant, uptime: Instant) {
        anchor = uptime
        shown = system
    }

    /// How far the machine's clock was ahead when it was last looked at; negative when it was behind.
    public var distance: Instant.Span { gap }

    /// Whether the next reading wants to know what the machine's clock says.
    public func wantsLook(uptime: Instant) -> Bool { uptime - anchor >= Self.lookSpan }

    /// What it shows.
    public func reading(uptime: Instant) -> Instant {
        // Readings of two threads may come in the other order.
        let elapsed = max(0, (uptime - anchor).microseconds)
        let correction = max(-elapsed / Self.slewing, min(gap.microseconds, elapsed / Self.slewing))
        return shown + Instant.Span(microseconds: elapsed + correction)
    }

    /// Takes in what the machine's clock says.
    public mutating func look(system: Instant, uptime: Instant) {
        guard uptime >= anchor else { return }
        shown = reading(uptime: uptime)
        anchor = uptime
        gap = system - shown
    }
}
