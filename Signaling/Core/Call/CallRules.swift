public import Primitives

/// How long a call waits for things, and what is allowed in it.
public struct CallRules: Sendable, Equatable {
    /// How long a call waits for things.
    public var timings = CallTimings()
    /// Who may share a screen while somebody else does.
    public var screenSharing = ScreenSharing.takeOver
    /// How many people may be in a call or rung for it at the same time.
    public var participantLimit = 100
    /// How many people may ever have been in the call or rung for it: all of them are part of each call state that is
    /// sent, so that it must not grow as long as somebody rings new people.
    public var totalParticipantLimit: Int { 4 * participantLimit }

    /// A server's default rules.
    public init() {}

    /// What happens to a second screen.
    public enum ScreenSharing: String, Sendable, CaseIterable {
        /// One screen at a time: a newcomer takes over.
        case takeOver = "take-over"
        /// One screen at a time: a newcomer is refused.
        case refuse
        /// Any number of screens.
        case multiple
    }
}

/// How long a call waits for things. Every reachable state has one of these deadlines ahead of it.
public struct CallTimings: Sendable, Equatable {
    /// How long a callee is rung.
    public var ring: Instant.Span = .seconds(45)
    /// The least time that a device woken by a push rings, once it says so.
    public var ringExtension: Instant.Span = .seconds(20)
    /// The longest that a callee is rung, extended or not.
    public var ringLimit: Instant.Span = .seconds(75)
    /// How long after somebody was rung they may be rung again.
    public var ringAgain: Instant.Span = .seconds(30)
    /// How long a caller may be disconnected while the call rings.
    public var callerLost: Instant.Span = .seconds(15)
    /// How long a participant may be disconnected in a running call.
    public var reconnect: Instant.Span = .seconds(30)
    /// How long participants have to come back after the server was restarted.
    public var recovery: Instant.Span = .seconds(30)
    /// How long an offer may stay unanswered before its sender is told.
    public var negotiation: Instant.Span = .seconds(10)
    /// How long somebody may be alone in a group call with nobody being rung.
    public var alone: Instant.Span = .seconds(120)
    /// How long a group call may have nobody in it.
    public var empty: Instant.Span = .seconds(20)
    /// The longest that a call may last.
    public var maxDuration: Instant.Span = .seconds(12 * 3600)

    /// The longest that anybody is rung, whether extended for a woken device or by a second ring beside the first.
    public var longestRing: Instant.Span { max(ringLimit, Instant.Span(microseconds: 2 * ring.microseconds)) }

    /// A server's default timings.
    public init() {}
}
