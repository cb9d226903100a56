public import Primitives

/// How often each user may give commands to calls, over all sockets and all calls.
///
/// A command costs its sender a frame, and the server the whole call in the answer, or an update for everybody in it.
/// So commands that everybody is told of are limited to what somebody at a keyboard can mean. Nothing here delays an
/// answer to a ring, a hang-up, or the signals of one busy device.
public struct CallCommandLimits: Sendable {
    /// The costs of a command beyond its answer.
    public enum Kind: Sendable, CaseIterable {
        /// Everybody is shown it, combined with others of its kind (`UpdatePace`).
        case shown
        /// It is stored, and everybody is told at once.
        case told
        /// It asks for the whole call.
        case read
        /// All others.
        case other
    }

    /// How many commands are accepted per second on average, and how many at once.
    static func allowance(_ kind: Kind) -> (perSecond: Int, burst: Int) {
        switch kind {
        case .shown: (5, 10)
        // Hosts admit and mute people one after the other; a client that works through a list waits in between.
        case .told: (2, 20)
        case .read: (5, 20)
        // As many as one socket may send at all: a second socket gives a user no more.
        case .other: (100, 200)
        }
    }

    private struct Buckets {
        private var shown, told, read, other: TokenBucket

        init(now: Instant) {
            func bucket(_ kind: Kind) -> TokenBucket {
                let (perSecond, burst) = CallCommandLimits.allowance(kind)
                return TokenBucket(perSecond, per: .seconds(1), burst: burst, now: now)
            }
            shown = bucket(.shown)
            told = bucket(.told)
            read = bucket(.read)
            other = bucket(.other)
        }

        func areFull(now: Instant) -> Bool {
            shown.isFull(now: now) && told.isFull(now: now) && read.isFull(now: now) && other.isFull(now: now)
        }

        mutating func take(_ kind: Kind, now: Instant) -> Instant.Span? {
            switch kind {
            case .shown: shown.take(now: now) ? nil : shown.wait(now: now)
            case .told: told.take(now: now) ? nil : told.wait(now: now)
            case .read: read.take(now: now) ? nil : read.wait(now: now)
            case .other: other.take(now: now) ? nil : other.wait(now: now)
            }
        }
    }

    private var users: [UserID: Buckets] = [:]
    private var forgetAt = 1024

    /// Starts with full buckets for everybody.
    public init() {}

    /// Takes a command; returns how long to wait when the limit is reached, else nil.
    ///
    /// - Parameter now: The current time; a clock that was set back locks nobody out.
    public mutating func take(_ kind: Kind, of user: UserID, now: Instant) -> Instant.Span? {
        // Users whose buckets are full again are forgotten, so the table stays small.
        if users.count >= forgetAt {
            users = users.filter { !$0.value.areFull(now: now) }
            forgetAt = max(1024, users.count * 2)
        }
        return users[user, default: Buckets(now: now)].take(kind, now: now)
    }
}

extension CallCommand {
    /// The command's costs beyond its answer.
    public var kind: CallCommandLimits.Kind {
        switch self {
        case .setMedia, .hold, .raiseHand: .shown
        // A host's end is the last command of its call.
        case .control(_, .end): .other
        case .move, .join, .add, .startScreenShare, .stopScreenShare, .control: .told
        case .fetch: .read
        // A ringing device says so once for each call; a repeat changes nothing.
        case .ringing, .accept, .decline, .cancel, .hangUp, .signal: .other
        }
    }
}
