import DequeModule
import Primitives
package import Wire

/// How much is kept for devices that may come back. Sizes are in bytes of encoded events.
struct ReplayLimits: Sendable, Equatable {
    /// How many events a device session keeps.
    var events = 256
    /// How many bytes a device session keeps.
    var bytes = 256 * 1024
    /// How long an event is kept.
    var age = Instant.Span.seconds(60)
    /// How long a device session outlives its socket.
    var lifetime = Instant.Span.seconds(60)
    /// How many device sessions without a socket are kept.
    var detachedSessions = 10_000
    /// How many bytes all device sessions keep together.
    var totalBytes = 64 * 1024 * 1024
}

/// An event with its place among the events of a device session.
package struct NumberedEvent: Sendable, Equatable {
    /// From 1, without gaps.
    package let seq: UInt64
    package let event: EncodedEvent
}

/// The latest events of a device, in order, as far as the device has not acknowledged them.
struct ReplayWindow: Sendable {
    private struct Kept {
        let event: EncodedEvent
        let time: Instant
    }

    private let limits: ReplayLimits
    private var kept: Deque<Kept> = []
    /// The place of the newest event, whether or not it is still kept; 0 before the first one.
    private(set) var lastSeq: UInt64 = 0
    /// How many bytes are kept.
    private(set) var bytes = 0

    /// Makes an empty window.
    init(limits: ReplayLimits) {
        self.limits = limits
    }

    /// How many events are kept.
    var count: Int { kept.count }

    /// The place of the newest event that is not kept.
    private var forgottenSeq: UInt64 { lastSeq - UInt64(kept.count) }

    /// Numbers an event and keeps it; the oldest ones make room.
    mutating func append(_ event: EncodedEvent, now: Instant) -> NumberedEvent {
        lastSeq += 1
        kept.append(Kept(event: event, time: now))
        bytes += event.tail.count
        while kept.count > limits.events || bytes > limits.bytes { forgetOldest() }
        expire(now: now)
        return NumberedEvent(seq: lastSeq, event: event)
    }

    /// The device has received everything up to this place. An event that was never sent cannot be acknowledged; that
    /// changes nothing.
    mutating func acknowledge(upTo seq: UInt64) {
        guard seq <= lastSeq else { return }
        while !kept.isEmpty, forgottenSeq < seq { forgetOldest() }
    }

    /// Forgets events that are too old.
    mutating func expire(now: Instant) {
        while let oldest = kept.first, oldest.time + limits.age <= now { forgetOldest() }
    }

    /// Forgets every event; the count goes on.
    mutating func clear() {
        kept = []
        bytes = 0
    }

    /// Every event after this place, in order; nil when not all of them are kept, or the place is in the future.
    func events(after seq: UInt64) -> [NumberedEvent]? {
        guard seq <= lastSeq, seq >= forgottenSeq else { return nil }
        return kept.dropFirst(Int(seq - forgottenSeq)).enumerated().map { index, kept in
            NumberedEvent(seq: seq + UInt64(index) + 1, event: kept.event)
        }
    }

    private mutating func forgetOldest() {
        guard let oldest = kept.popFirst() else { return }
        bytes -= oldest.event.tail.count
    }
}
