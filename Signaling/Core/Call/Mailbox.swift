import Primitives

/// Signals that wait until a device of their recipient can be reached: early offers and candidates while the call
/// rings, and those sent while a device is away. Bounded for each sender, and lost with the process: after a restart
/// clients negotiate again.
struct Mailbox: Sendable, Equatable {
    struct QueuedSignal: Sendable, Equatable {
        let sender: UserID
        let recipient: UserID
        let signal: Signal
    }

    /// How many signals of one sender may wait.
    static let countLimit = 128
    /// How many bytes of one sender may wait.
    static let byteLimit = 256 * 1024

    /// Sender and recipient.
    private struct Direction: Sendable, Hashable {
        let sender: UserID
        let recipient: UserID
    }

    /// The peer connection that a participant uses towards another one now, and the one before it.
    private struct Sources: Sendable, Equatable {
        var current: Signal.Source
        var previous: String?
    }

    private var queue: [QueuedSignal] = []
    private var sources: [Direction: Sources] = [:]

    /// Records a signal's source; false when its peer connection has been replaced or its ICE restarted since.
    mutating func isCurrent(_ signal: Signal, from sender: UserID, to recipient: UserID) -> Bool {
        let direction = Direction(sender: sender, recipient: recipient)
        let source = signal.source
        guard let known = sources[direction] else {
            sources[direction] = Sources(current: source)
            return true
        }
        if source.peerConnection == known.current.peerConnection {
            guard source.generation >= known.current.generation else { return false }
            if source.generation > known.current.generation {
                sources[direction] = Sources(current: source, previous: known.previous)
                dropQueued(on: direction, olderThan: source)
            }
            return true
        }
        guard source.peerConnection != known.previous else { return false }
        sources[direction] = Sources(current: source, previous: known.current.peerConnection)
        dropQueued(on: direction, olderThan: source)
        return true
    }

    /// Adds a signal; false when there is no room for it.
    mutating func put(_ signal: Signal, from sender: UserID, to recipient: UserID) -> Bool {
        var count = 0
        var bytes = signal.size
        for queued in queue where queued.sender == sender {
            count += 1
            bytes += queued.signal.size
        }
        guard count < Self.countLimit, bytes <= Self.byteLimit else { return false }
        queue.append(QueuedSignal(sender: sender, recipient: recipient, signal: signal))
        return true
    }

    /// Removes and returns what waits for a recipient.
    mutating func take(recipient: UserID) -> [QueuedSignal] {
        let taken = queue.filter { $0.recipient == recipient }
        if !taken.isEmpty { forget(recipient: recipient) }
        return taken
    }

    /// Discards what waits for a recipient.
    mutating func forget(recipient: UserID) {
        queue.removeAll { $0.recipient == recipient }
    }

    /// Discards what waits for a user, and what the user has sent to others.
    mutating func forget(_ user: UserID) {
        queue.removeAll { $0.recipient == user || $0.sender == user }
    }

    private mutating func dropQueued(on direction: Direction, olderThan source: Signal.Source) {
        queue.removeAll {
            $0.sender == direction.sender && $0.recipient == direction.recipient && $0.signal.source != source
        }
    }
}

extension Signal {
    /// The sender's peer connection and its number of ICE restarts.
    var source: Source {
        switch self {
        case .description(let description): description.source
        case .candidate(let candidate): candidate.source
        }
    }

    /// About how many bytes it takes up.
    var size: Int {
        switch self {
        case .description(let description): description.sdp.utf8.count + 64
        case .candidate(let candidate): candidate.candidate.utf8.count + candidate.mid.utf8.count + 96
        }
    }
}
