import Primitives
import SwiftProtobuf
import Testing
import Wire

@testable import Delivery

/// Which events are kept to be sent again, and which are not.
@Suite struct ReplayWindowTests {
    @Test(
        arguments: [
            (0, nil), (1, nil), (2, [3, 4, 5]), (4, [5]), (5, []), (6, nil), (UInt64.max, nil),
        ] as [(UInt64, [UInt64]?)])
    func allThatFollowsAPlaceOrNothing(after seq: UInt64, expected: [UInt64]?) throws {
        var window = ReplayWindow(limits: ReplayLimits())
        for number in 1...5 { _ = window.append(try .message(number), now: .zero) }
        window.acknowledge(upTo: 2)
        let events = window.events(after: seq)
        #expect(events?.map(\.seq) == expected)
        #expect(try events?.map { try $0.event.number } == expected?.map { Int($0) })
    }

    @Test func theOldestMakeRoom() throws {
        let bytes = try EncodedEvent.message(1).tail.count
        for limits in [ReplayLimits(events: 3), ReplayLimits(bytes: 3 * bytes)] {
            var window = ReplayWindow(limits: limits)
            for number in 1...5 { _ = window.append(try .message(number), now: .zero) }
            #expect(window.count == 3 && window.bytes == 3 * bytes && window.lastSeq == 5)
            #expect(window.events(after: 1) == nil && window.events(after: 2)?.count == 3)
        }
    }

    @Test func whatIsBiggerThanTheWindowIsNotKept() throws {
        var window = ReplayWindow(limits: ReplayLimits(bytes: 10))
        _ = window.append(try .message(1), now: .zero)
        #expect(window.count == 0 && window.bytes == 0)
        #expect(window.events(after: 0) == nil && window.events(after: 1)?.isEmpty == true)
    }

    @Test func anEventIsKeptForAMinute() throws {
        var window = ReplayWindow(limits: ReplayLimits())
        _ = window.append(try .message(1), now: .zero)
        window.expire(now: .zero + Instant.Span(microseconds: 59_999_999))
        #expect(window.events(after: 0)?.count == 1)
        window.expire(now: .zero + .seconds(60))
        #expect(window.events(after: 0) == nil && window.events(after: 1)?.isEmpty == true)
        #expect(window.append(try .message(2), now: .zero + .seconds(61)).seq == 2)
    }

    @Test func whatWasNeverSentCannotBeAcknowledged() throws {
        var window = ReplayWindow(limits: ReplayLimits())
        for number in 1...3 { _ = window.append(try .message(number), now: .zero) }
        for seq in [4, UInt64.max] {
            window.acknowledge(upTo: seq)
            #expect(window.events(after: 0)?.count == 3)
        }
        window.acknowledge(upTo: 3)
        window.acknowledge(upTo: 1)
        #expect(window.count == 0 && window.bytes == 0 && window.lastSeq == 3)
    }

    @Test("Random schedules", arguments: 0..<20 as Range<UInt64>) func schedules(batch: UInt64) throws {
        let limits = ReplayLimits(events: 6, bytes: 900, age: .seconds(10))
        for seed in batch * 50..<(batch + 1) * 50 {
            var random = SeededGenerator(seed: seed)
            var window = ReplayWindow(limits: limits)
            // A simple model of the same: every event ever, and the first one that is kept.
            var events: [(event: EncodedEvent, time: Instant)] = []
            var first = 0
            var now = Instant.zero
            for _ in 0..<60 {
                switch Int.random(in: 0..<4, using: &random) {
                case 0, 1:
                    let event = try EncodedEvent.message(events.count + 1, length: .random(in: 0...400, using: &random))
                    events.append((event, now))
                    #expect(window.append(event, now: now).seq == UInt64(events.count))
                case 2:
                    let seq = Int.random(in: 0...events.count + 2, using: &random)
                    window.acknowledge(upTo: UInt64(seq))
                    if seq <= events.count { first = max(first, seq) }
                default:
                    now = now + .seconds(Int64.random(in: 0...6, using: &random))
                    window.expire(now: now)
                }
                while events.count - first > 6 || events[first...].reduce(0, { $0 + $1.event.tail.count }) > 900
                    || first < events.count && events[first].time + .seconds(10) <= now
                {
                    first += 1
                }
                for seq in 0...events.count + 1 {
                    let expected = seq < first || seq > events.count ? nil : events[seq...].map(\.event)
                    guard window.events(after: UInt64(seq))?.map(\.event) == expected else {
                        Issue.record("seed \(seed): after \(seq) not \(String(describing: expected?.count))")
                        return
                    }
                }
                #expect(window.bytes == events[first...].reduce(0) { $0 + $1.event.tail.count }, "seed \(seed)")
            }
        }
    }
}

/// A device that comes back, and one that only claims to be it.
@Suite struct DeviceSessionTests {
    private static let session = SessionID(high: 2, low: 1)
    private static let token = ResumeToken.random()

    /// Has sent five events, two of them acknowledged.
    private func deviceSession() throws -> DeviceSession {
        var device = DeviceSession(session: Self.session, encoding: .json, token: Self.token, limits: ReplayLimits())
        for number in 1...5 { _ = device.append(try .message(number), now: .zero) }
        device.acknowledge(upTo: 2)
        return device
    }

    private struct Attempt: Sendable {
        var token = DeviceSessionTests.token.text.exposed
        var lastSeq: UInt64 = 3
        var session = DeviceSessionTests.session
        var encoding = Encoding.json
        var refusal: ResumeRefusal?
    }

    @Test(arguments: [
        Attempt(),
        Attempt(lastSeq: 2),
        Attempt(lastSeq: 5),
        Attempt(token: "", refusal: .unknown),
        Attempt(token: String(repeating: "0", count: 32), refusal: .unknown),
        Attempt(token: token.text.exposed + "0", refusal: .unknown),
        Attempt(token: String(token.text.exposed.dropLast()), refusal: .unknown),
        Attempt(token: token.text.exposed.uppercased() + " ", refusal: .unknown),
        Attempt(session: SessionID(high: 2, low: 2), refusal: .unknown),
        Attempt(encoding: .protobuf, refusal: .otherEncoding),
        Attempt(lastSeq: 1, refusal: .missedTooMuch),
        Attempt(lastSeq: 0, refusal: .missedTooMuch),
        Attempt(lastSeq: 6, refusal: .future),
        Attempt(lastSeq: .max, refusal: .future),
    ])
    private func allOrNothing(_ attempt: Attempt) throws {
        var device = try deviceSession()
        device.detach(now: .zero)
        let result = device.resume(
            ResumeClaim(token: Redacted(attempt.token), lastSeq: attempt.lastSeq), session: attempt.session,
            encoding: attempt.encoding, now: .zero + .seconds(1))
        if let refusal = attempt.refusal {
            #expect(result == .refused(refusal))
            #expect(device.standing == .detached(until: .zero + .seconds(60)) && device.window.count == 3)
        } else {
            let missed = try (attempt.lastSeq..<5).map { seq in
                NumberedEvent(seq: seq + 1, event: try .message(Int(seq) + 1))
            }
            #expect(result == .recovered(missed: missed))
            #expect(device.standing == .attached && device.window.count == missed.count)
        }
    }

    @Test(arguments: [(59_999_999, false), (60_000_000, true)] as [(Int64, Bool)])
    func itOutlivesItsSocketForAMinute(microseconds: Int64, isOver: Bool) throws {
        var device = try deviceSession()
        let later = Instant.zero + Instant.Span(microseconds: microseconds)
        #expect(!device.isOver(now: later))
        device.acknowledge(upTo: 5)
        device.detach(now: .zero)
        #expect(device.isOver(now: later) == isOver)
        let claim = ResumeClaim(token: Self.token.text, lastSeq: 5)
        let result = device.resume(claim, session: Self.session, encoding: .json, now: later)
        #expect(result == (isOver ? .refused(.unknown) : .recovered(missed: [])))
    }

    @Test func aTokenIsRandomAndNotPrinted() {
        let tokens = (0..<100).map { _ in ResumeToken.random().text }
        #expect(Set(tokens).count == 100)
        #expect(tokens.allSatisfy { $0.exposed.count == 32 && $0.exposed.allSatisfy(\.isHexDigit) })
        #expect(!"\(ResumeClaim(token: tokens[0], lastSeq: 1))".contains(tokens[0].exposed))
    }
}

extension Instant {
    /// The time at which tests begin.
    static let zero = Instant(microseconds: 0)
}

extension EncodedEvent {
    /// An event that can be told from others.
    static func message(_ number: Int, length: Int = 0, as encoding: Encoding = .json) throws -> EncodedEvent {
        let event = WireEvent.with {
            $0.messageReceived.message.seq = UInt64(number)
            $0.messageReceived.message.body = String(repeating: "x", count: length)
        }
        return try EncodedEvent(event, as: encoding)
    }

    /// The number of the message.
    var number: Int {
        get throws {
            let frame = try encoding.decode(WireServerFrame.self, from: stamped(seq: 1))
            return Int(frame.event.messageReceived.message.seq)
        }
    }
}

/// A seeded source of randomness (SplitMix64), so that a failing schedule can be repeated.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
