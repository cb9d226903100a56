import Primitives

// Passing signals on between the active devices of a call's participants. Bodies are opaque.
extension CallTurn {
    mutating func pass(_ signal: Signal, from origin: CallOrigin, to recipient: UserID) {
        if call.isEnded {
            droppedSignals += 1
            return
        }
        guard isActive(origin) else {
            refusal = .wrongState
            return
        }
        guard recipient != origin.user, let participant = call.participant(recipient) else {
            refusal = .forbidden
            return
        }
        var mailbox = call.mailbox
        guard mailbox.isCurrent(signal, from: origin.user) else {
            droppedSignals += 1
            return
        }
        switch participant.state {
        case .connected(let connection) where connection.reachability == .reachable:
            relayed.append(CallDelivery(to: .device(recipient, connection.device), .signal(signal, from: origin.user)))
        case .ringing, .connected:
            guard mailbox.put(signal, from: origin.user, to: recipient) else {
                refusal = .mailboxFull
                return
            }
        case .declined, .left:
            droppedSignals += 1
        }
        call.mailbox = mailbox
    }

    /// Hands over what waited for a participant whose device can now be reached, in the order in which it came.
    mutating func deliverMail(to recipient: CallOrigin) {
        for letter in call.mailbox.take(recipient: recipient.user) {
            relayed.append(
                CallDelivery(to: .device(recipient.user, recipient.device), .signal(letter.signal, from: letter.sender))
            )
        }
    }
}

/// Signals that wait until their recipient has a device that can be reached: early offers and candidates while the
/// call rings, and whatever comes while a device is away. Bounded for each sender, and gone with the process: after a
/// restart clients negotiate anew.
struct Mailbox: Sendable, Equatable {
    struct Letter: Sendable, Equatable {
        let sender: UserID
        let recipient: UserID
        let signal: Signal
    }

    /// How many signals of one sender may wait.
    static let countLimit = 128
    /// How many bytes of one sender may wait.
    static let byteLimit = 256 * 1024

    private var letters: [Letter] = []
    /// The peer connection that each participant uses now, and the one before it.
    private var sources: [UserID: (current: Signal.Source, previous: String?)] = [:]

    static func == (left: Mailbox, right: Mailbox) -> Bool {
        left.letters == right.letters && left.sources.keys == right.sources.keys
            && left.sources.allSatisfy { user, source in
                right.sources[user].map { $0.current == source.current && $0.previous == source.previous } ?? false
            }
    }

    /// Notes where a signal comes from; false when its peer connection was replaced or its ICE restarted since.
    mutating func isCurrent(_ signal: Signal, from sender: UserID) -> Bool {
        let source = signal.source
        guard let known = sources[sender] else {
            sources[sender] = (source, nil)
            return true
        }
        if source.peerConnection == known.current.peerConnection {
            guard source.generation >= known.current.generation else { return false }
            if source.generation > known.current.generation {
                sources[sender] = (source, known.previous)
                dropLetters(from: sender, olderThan: source)
            }
            return true
        }
        guard source.peerConnection != known.previous else { return false }
        sources[sender] = (source, known.current.peerConnection)
        dropLetters(from: sender, olderThan: source)
        return true
    }

    /// Puts a signal in; false when there is no room for it.
    mutating func put(_ signal: Signal, from sender: UserID, to recipient: UserID) -> Bool {
        var count = 0
        var bytes = signal.size
        for letter in letters where letter.sender == sender {
            count += 1
            bytes += letter.signal.size
        }
        guard count < Self.countLimit, bytes <= Self.byteLimit else { return false }
        letters.append(Letter(sender: sender, recipient: recipient, signal: signal))
        return true
    }

    /// Takes out what waits for a recipient.
    mutating func take(recipient: UserID) -> [Letter] {
        let taken = letters.filter { $0.recipient == recipient }
        if !taken.isEmpty { forget(recipient: recipient) }
        return taken
    }

    /// Throws away what waits for a recipient.
    mutating func forget(recipient: UserID) {
        letters.removeAll { $0.recipient == recipient }
    }

    private mutating func dropLetters(from sender: UserID, olderThan source: Signal.Source) {
        letters.removeAll { $0.sender == sender && $0.signal.source != source }
    }
}

extension Signal {
    /// The sender's peer connection and how often its ICE was restarted.
    var source: Source {
        switch self {
        case .description(let description): description.source
        case .candidate(let candidate): candidate.source
        }
    }

    /// About how many bytes it takes to keep.
    var size: Int {
        switch self {
        case .description(let description): description.sdp.utf8.count + 64
        case .candidate(let candidate): candidate.candidate.utf8.count + candidate.mid.utf8.count + 96
        }
    }
}
