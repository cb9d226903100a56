package import Primitives
import Wire

/// What outlives a device's socket: the count of its events, and the events that it may have missed.
///
/// A plain value that is told what happens; the sockets are the registry's.
struct DeviceSession: Sendable {
    /// Where a device session is.
    enum Standing: Sendable, Equatable {
        /// It has a socket. Can go to: detached.
        case attached
        /// Its socket is gone; the device may come back until this moment. Can go to: attached.
        case detached(until: Instant)
    }

    /// The result of a request to resume.
    enum OnResume: Sendable, Equatable {
        /// It resumes: these events were missed, and later ones follow them.
        case recovered(missed: [NumberedEvent])
        /// It cannot resume, and nothing has changed; the device has to start over.
        case refused(ResumeRefusal)
    }

    /// The session that the device acts under.
    let session: SessionID
    /// The encoding in which its events are kept.
    let encoding: Encoding
    /// A client that knows it has seen the beginning.
    let token: ResumeToken
    private(set) var standing = Standing.attached
    private(set) var window: ReplayWindow
    private let lifetime: Instant.Span

    /// Begins with a socket and without events.
    init(session: SessionID, encoding: Encoding, token: ResumeToken, limits: ReplayLimits) {
        self.session = session
        self.encoding = encoding
        self.token = token
        window = ReplayWindow(limits: limits)
        lifetime = limits.lifetime
    }

    /// A new socket of the device wants to resume where an earlier one stopped.
    ///
    /// - Parameters:
    ///   - session: The session that the new socket was opened for.
    ///   - encoding: The encoding of the new socket's frames.
    mutating func resume(
        _ claim: ResumeClaim, session: SessionID, encoding: Encoding, now: Instant
    ) -> OnResume {
        window.expire(now: now)
        guard session == self.session, !isOver(now: now), token.matches(claim.token) else { return .refused(.unknown) }
        guard encoding == self.encoding else { return .refused(.otherEncoding) }
        guard claim.lastSeq <= window.lastSeq else { return .refused(.future) }
        guard let missed = window.events(after: claim.lastSeq) else { return .refused(.missedTooMuch) }
        window.acknowledge(upTo: claim.lastSeq)
        standing = .attached
        return .recovered(missed: missed)
    }

    /// An event for the device, whether or not it has a socket.
    mutating func append(_ event: EncodedEvent, now: Instant) -> NumberedEvent {
        window.append(event, now: now)
    }

    /// The device has received every event up to this place.
    mutating func acknowledge(upTo seq: UInt64) { window.acknowledge(upTo: seq) }

    /// Forgets events that are too old.
    mutating func expire(now: Instant) { window.expire(now: now) }

    /// Forgets every event, because there is no room for them.
    mutating func clear() { window.clear() }

    /// The socket is gone.
    mutating func detach(now: Instant) { standing = .detached(until: now + lifetime) }

    /// Whether the device has stayed away too long.
    func isOver(now: Instant) -> Bool {
        switch standing {
        case .attached: false
        case .detached(let until): until <= now
        }
    }
}

/// Where an earlier socket of a device stopped, according to the client, which may claim anything.
package struct ResumeClaim: Sendable {
    let token: Redacted<String>
    /// The last event that the client processed.
    let lastSeq: UInt64

    /// Notes a client's claim.
    package init(token: Redacted<String>, lastSeq: UInt64) {
        self.token = token
        self.lastSeq = lastSeq
    }
}

/// Why a device cannot resume.
package enum ResumeRefusal: String, Sendable, CaseIterable {
    /// There is no device session with this token: it has ended, was on another server, or never existed.
    case unknown
    /// The events are kept in another encoding.
    case otherEncoding = "other_encoding"
    /// Events after `last_seq` are no longer kept.
    case missedTooMuch = "missed_too_much"
    /// `last_seq` was never sent.
    case future
}

/// The token that a device presents to resume. It is only useful with an access token of the same session.
package struct ResumeToken: Sendable {
    /// 32 hexadecimal digits.
    package let text: Redacted<String>

    /// A token of 128 random bits.
    static func random() -> ResumeToken {
        let digits = Array("0123456789abcdef".utf8)
        var generator = SystemRandomNumberGenerator()
        let bytes = (0..<32).map { _ in digits[Int.random(in: 0..<16, using: &generator)] }
        return ResumeToken(text: Redacted(String(decoding: bytes, as: UTF8.self)))
    }

    /// Whether a client's token is this one. The time it takes reveals only whether the lengths are equal.
    func matches(_ claim: Redacted<String>) -> Bool {
        let (own, other) = (text.exposed.utf8, claim.exposed.utf8)
        guard own.count == other.count else { return false }
        return zip(own, other).reduce(0 as UInt8) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
