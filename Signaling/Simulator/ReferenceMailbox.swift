import Primitives
import SignalingCore

/// Pending signals, as in the design: in order, bounded for each sender, never of an earlier generation.
struct ReferenceMailbox {
    struct Handover: Equatable {
        let recipient: UserID
        let device: DeviceID?
        let sender: UserID
        let signal: Signal
    }

    private struct QueuedSignal {
        let sender: UserID
        let recipient: UserID
        let signal: Signal
    }

    private struct Sender {
        let user: UserID
        let recipient: UserID
        var current: Signal.Source
        var previous: String?
    }

    private var queue: [QueuedSignal] = []
    private var senders: [Sender] = []

    /// Records a signal's source; false when the source is outdated.
    mutating func take(note source: Signal.Source, of user: UserID, to recipient: UserID) -> Bool {
        guard let index = senders.firstIndex(where: { $0.user == user && $0.recipient == recipient }) else {
            senders.append(Sender(user: user, recipient: recipient, current: source))
            return true
        }
        let known = senders[index].current
        if source == known { return true }
        if source.peerConnection == known.peerConnection {
            guard source.generation > known.generation else { return false }
        } else {
            guard source.peerConnection != senders[index].previous else { return false }
            senders[index].previous = known.peerConnection
        }
        senders[index].current = source
        queue.removeAll { $0.sender == user && $0.recipient == recipient }
        return true
    }

    mutating func put(_ signal: Signal, from sender: UserID, to recipient: UserID) -> Bool {
        let own = queue.filter { $0.sender == sender }
        let bytes = own.reduce(signal.weight) { $0 + $1.signal.weight }
        guard own.count < 128, bytes <= 256 * 1024 else { return false }
        queue.append(QueuedSignal(sender: sender, recipient: recipient, signal: signal))
        return true
    }

    mutating func handOver(to origin: CallOrigin) -> [Handover] {
        if queue.isEmpty { return [] }
        defer { forget(recipient: origin.user) }
        return queue.filter { $0.recipient == origin.user }.map {
            Handover(recipient: origin.user, device: origin.device, sender: $0.sender, signal: $0.signal)
        }
    }

    mutating func forget(recipient: UserID) {
        queue.removeAll { $0.recipient == recipient }
    }

    /// Discards what somebody sent or was to get.
    mutating func forget(_ user: UserID) {
        queue.removeAll { $0.recipient == user || $0.sender == user }
    }
}

extension Signal {
    var origin: Source {
        switch self {
        case .description(let description): description.source
        case .candidate(let candidate): candidate.source
        }
    }

    /// The size of a signal in the mailbox.
    fileprivate var weight: Int {
        switch self {
        case .description(let description): description.sdp.utf8.count + 64
        case .candidate(let candidate): candidate.candidate.utf8.count + candidate.mid.utf8.count + 96
        }
    }
}
