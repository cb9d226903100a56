import Primitives
import Wire

/// What a scenario does with its sockets, as a plain value: it is told what happens and when, and says what to send.
///
/// Sockets are identified by index: of pair number `p` the first side has `2 * p`, the second side `2 * p + 1`.
protocol Traffic: Sendable {
    /// The measurements so far.
    var statistics: Statistics { get }
    /// Whether nothing is in flight and nothing will start.
    var isFinished: Bool { get }
    /// When `advance(now:)` has something to do, if nothing happens before.
    var nextWake: Instant { get }

    /// Starts what is due and gives up what takes too long.
    mutating func advance(now: Instant)
    /// Takes a frame from the server.
    mutating func received(_ frame: WireServerFrame, on socket: Int, now: Instant)
    /// Takes the end of a socket.
    mutating func lost(socket: Int, code: String, now: Instant)
    /// What to send, in order; the caller sends it.
    mutating func takeOutbox() -> [Outgoing]
}

/// A frame and the socket that it goes to.
struct Outgoing: Sendable, Equatable {
    var socket: Int
    var frame: WireClientFrame
}

/// The two users of a pair.
struct UserPair: Sendable, Equatable {
    /// Who calls, or writes.
    var first: String
    /// Who is called, or written to.
    var second: String
}

/// Lets pairs act in turn.
struct PairTurns: Sendable {
    private let count: Int
    private var next = 0

    /// Begins with the first of so many pairs.
    init(count: Int) { self.count = count }

    /// The next pair that may act; nil when none may.
    mutating func take(where mayAct: (Int) -> Bool) -> Int? {
        for _ in 0..<count {
            let pair = next
            next = (next + 1) % count
            if mayAct(pair) { return pair }
        }
        return nil
    }
}

/// Ids for commands: as unique as their seed.
struct RequestNames: Sendable {
    private let seed: UInt64
    private var count: UInt64 = 0

    /// Makes a source of ids.
    /// - Parameter seed: Random, so that two runs do not collide.
    init(seed: UInt64) { self.seed = seed }

    /// An id that was not returned before.
    mutating func next(at now: Instant) -> String {
        count += 1
        return RequestID(at: now, randomHigh: seed >> 52, randomLow: seed &+ count).description
    }
}

extension WireErrorCode {
    /// The code as a word: `rate_limited`.
    var word: String {
        switch self {
        case .unspecified: "unspecified"
        case .invalid: "invalid"
        case .unsupported: "unsupported"
        case .unauthenticated: "unauthenticated"
        case .forbidden: "forbidden"
        case .notFound: "not_found"
        case .conflict: "conflict"
        case .callEnded: "call_ended"
        case .answeredElsewhere: "answered_elsewhere"
        case .tooLarge: "too_large"
        case .rateLimited: "rate_limited"
        case .unavailable: "unavailable"
        case .internal: "internal"
        case .UNRECOGNIZED(let number): "code_\(number)"
        }
    }
}
