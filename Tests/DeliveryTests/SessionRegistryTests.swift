import Accounts
import Messaging
import NIOConcurrencyHelpers
import Primitives
import SignalingCore
import SignalingService
import SwiftProtobuf
import Testing
import Wire

@testable import Delivery

/// Who is admitted, who is told, and how often events are encoded.
@Suite struct SessionRegistryTests {
    /// Records what it is sent.
    private final class Recorder: ClientSocket {
        let encoding: Encoding
        let number: UInt64
        private let notes = NIOLockedValueBox<(events: [EncodedEvent], codes: [CloseCode], replies: [UInt32])>(
            ([], [], []))

        init(_ encoding: Encoding, number: UInt64 = 1) {
            self.encoding = encoding
            self.number = number
        }

        func enqueue(_ event: NumberedEvent) -> Bool {
            notes.withLockedValue { $0.events.append(event.event) }
            return false
        }
        func reply(_ frame: WireServerFrame) { notes.withLockedValue { $0.replies.append(frame.replyTo) } }
        func wake() {}
        func close(_ code: CloseCode) { notes.withLockedValue { $0.codes.append(code) } }

        var events: [EncodedEvent] { notes.withLockedValue { $0.events } }
        /// The commands that were answered.
        var replies: [UInt32] { notes.withLockedValue { $0.replies } }
        var codes: [CloseCode] { notes.withLockedValue { $0.codes } }
    }

    private let user = UserID(high: 1, low: 1)

    private func identity(device: UInt64, session: UInt64? = nil) -> Identity {
        Identity(
            profile: Profile(id: user, username: "ann", displayName: "Ann"),
            session: SessionID(high: 2, low: session ?? device), device: DeviceID(high: 3, low: device))
    }

    private func message() -> Messaging.Message {
        Messaging.Message(
            id: .init(high: 4, low: 1), conversation: .init(high: 5, low: 1), seq: 1, sender: user,
            clientMessageID: nil, type: .text, body: Redacted("hello"), createdAt: Instant(microseconds: 1_234_567))
    }

    @Test func eventsGoWhereTheyAreAddressed() throws {
        let registry = SessionRegistry()
        let sockets = [Recorder(.json), Recorder(.protobuf), Recorder(.json)]
        for (index, socket) in sockets.enumerated() {
            _ = registry.admit(socket, of: identity(device: UInt64(index)), limit: 3) { _, _ in }
        }
        registry.deliver(message(), to: [.user(user)])
        #expect(sockets.map(\.events.count) == [1, 1, 1])
        #expect(sockets[0].events == sockets[2].events)
        #expect(sockets.map(\.events.first?.encoding) == [.json, .protobuf, .json])
        registry.deliver(message(), to: [.others(user, than: DeviceID(high: 3, low: 1))])
        #expect(sockets.map(\.events.count) == [2, 1, 2])
        registry.deliver(message(), to: [.device(user, DeviceID(high: 3, low: 1))])
        #expect(sockets.map(\.events.count) == [2, 2, 2])
        registry.deliver(message(), to: [.user(UserID(high: 9, low: 9))])
        #expect(sockets.map(\.events.count) == [2, 2, 2])
        // Times are cut to milliseconds.
        let decoded = try Encoding.json.decode(
            WireServerFrame.self, from: #require(sockets[0].events.first).stamped(seq: 1))
        #expect(decoded.event.messageReceived.message.createdAt.nanos == 234_000_000)
    }

    /// Where the bytes of an event are: the same address means that they were written once.
    private func place(_ event: EncodedEvent) -> Int {
        unsafe event.tail.withUnsafeBytes { Int(bitPattern: $0.baseAddress) }
    }

    /// A group call of people with a device each, every third one using JSON; and what sends them events.
    private func call(of people: [UserID], _ registry: SessionRegistry) -> (placed: CallTransition, [Recorder]) {
        var sockets: [Recorder] = []
        for (index, person) in people.enumerated() {
            let socket = Recorder(index.isMultiple(of: 3) ? .json : .protobuf)
            sockets.append(socket)
            let identity = Identity(
                profile: Profile(id: person, username: "p\(index)", displayName: "P"),
                session: SessionID(high: 2, low: UInt64(index)), device: DeviceID(high: 3, low: UInt64(index)))
            _ = registry.admit(socket, of: identity, limit: 1) { _, _ in }
        }
        let invitation = Invitation(
            call: CallID(high: 9, low: 9), conversation: ConversationID(high: 8, low: 8), mode: .group,
            caller: CallOrigin(user: people[0], device: DeviceID(high: 3, low: 0)),
            callees: people.dropFirst().map { Callee($0) }, type: .voice, media: MediaState(),
            clientCallID: RequestID(high: 7, low: 7))
        let placed = Call.place(invitation, rules: CallRules(), at: Instant(microseconds: 1_700_000_000_000_000))
        return (placed, sockets)
    }

    private func tell(_ deliveries: [CallDelivery], of call: Call, _ registry: SessionRegistry) {
        let people = Dictionary(
            uniqueKeysWithValues: call.participants.map {
                ($0.user, Profile(id: $0.user, username: "somebody", displayName: "Somebody Who Has a Name"))
            })
        let view = CallView(call: call, people: people)
        for broadcast in CallBroadcast.gathered(from: deliveries) {
            registry.deliver(broadcast.event, of: view, to: broadcast.addresses)
        }
    }

    @Test func anEventOfACallIsWrittenOnceForAllInEachEncoding() throws {
        let registry = SessionRegistry()
        let people = (0..<96 as Range<UInt64>).map { UserID(high: 1, low: $0) }
        let (placed, sockets) = call(of: people, registry)
        tell(placed.deliveries, of: placed.call, registry)
        let events = sockets.dropFirst().map(\.events)
        #expect(events.allSatisfy { $0.count == 1 })
        for encoding in Encoding.allCases {
            let places = Set(events.flatMap(\.self).filter { $0.encoding == encoding }.map(place))
            #expect(places.count == 1)
        }
    }

    @Test func aMuteInACallOfAHundredIsWrittenOnceAndShort() throws {
        let registry = SessionRegistry()
        let people = (0..<100 as Range<UInt64>).map { UserID(high: .max, low: .max - $0) }
        let (placed, sockets) = call(of: people, registry)
        var (call, pace, now) = (placed.call, UpdatePace(), Instant(microseconds: 1_700_000_001_000_000))
        func carryOut(_ command: CallCommand, _ number: Int) {
            // They answer before the ring is over.
            now = now + .milliseconds(300)
            let origin = CallOrigin(user: people[number], device: DeviceID(high: 3, low: UInt64(number)))
            let transition = call.handle(.command(command, from: origin), at: now).transition
            call = transition.call
            tell(pace.tell(transition, at: now), of: call, registry)
        }
        tell(pace.tell(placed, at: now), of: call, registry)
        for number in 1..<100 { carryOut(.accept(RequestID(high: 6, low: UInt64(number)), MediaState()), number) }
        let before = sockets.map(\.events.count)
        carryOut(.setMedia(MediaState(microphone: true, camera: true)), 50)
        let events = zip(sockets, before).map { Array($0.events.dropFirst($1)) }
        #expect(events.enumerated().allSatisfy { $1.count == ($0 == 50 ? 0 : 1) })
        for encoding in Encoding.allCases {
            let written = events.flatMap(\.self).filter { $0.encoding == encoding }
            #expect(Set(written.map(place)).count == 1)
            let frame = try #require(written.first).stamped(seq: 1_000_000)
            #expect(frame.count < (encoding == .json ? 300 : 120), "\(frame.count) bytes")
            let change = try encoding.decode(WireServerFrame.self, from: frame).event.callChanged
            #expect(change.shown.map(\.userID) == [people[50].description] && change.participants.isEmpty)
            #expect(change.baseRevision == UInt64(call.revision) - 1 && change.revision == UInt64(call.revision))
        }
    }

    @Test func aReplacedSocketDoesNotTakeItsDeviceAway() {
        let registry = SessionRegistry()
        let (older, newer) = (Recorder(.json, number: 1), Recorder(.json, number: 2))
        _ = registry.admit(older, of: identity(device: 1), limit: 1) { _, _ in }
        let admission = registry.admit(newer, of: identity(device: 1), limit: 1) { _, _ in }
        guard case .admitted(_, let replaced?) = admission else {
            Issue.record("not replaced")
            return
        }
        #expect(replaced === older)
        let origin = CallOrigin(user: user, device: DeviceID(high: 3, low: 1))
        for socket in [older, newer] {
            registry.reply(.unavailable, to: ReplyTo(origin, socket: socket.number, request: 7))
        }
        #expect(older.replies.isEmpty)
        #expect(newer.replies == [7])
        registry.leave(older, of: identity(device: 1))
        #expect(registry.connectedDevices(of: user) == [DeviceID(high: 3, low: 1)])
        registry.leave(newer, of: identity(device: 1))
        #expect(registry.connectedDevices(of: user).isEmpty)
    }

    @Test func aSessionThatEndsOnItsWayInIsNotLetIn() {
        let registry = SessionRegistry()
        let other = Recorder(.json)
        _ = registry.admit(other, of: identity(device: 2), limit: 5) { _, _ in }
        registry.sessionsRevoked([SessionID(high: 2, low: 1)], of: user)
        let admission = registry.admit(Recorder(.json), of: identity(device: 1), limit: 5) { _, _ in }
        guard case .revoked = admission else {
            Issue.record("let in")
            return
        }
        #expect(other.codes.isEmpty)
        registry.sessionsRevoked([SessionID(high: 2, low: 2)], of: user)
        #expect(other.codes == [.sessionRevoked])
    }

    @Test func theMemoryOfEndedSessionsIsBounded() {
        let registry = SessionRegistry()
        for session in 0..<10_000 as Range<UInt64> {
            registry.sessionsRevoked([SessionID(high: 2, low: session)], of: user)
        }
        func isAdmitted(_ session: UInt64) -> Bool {
            let identity = identity(device: 1, session: session)
            let admission = registry.admit(Recorder(.json), of: identity, limit: 5) { _, _ in }
            if case .admitted = admission { return true }
            return false
        }
        #expect(!isAdmitted(9999) && !isAdmitted(9999 - 4095))
        #expect(isAdmitted(0) && isAdmitted(9999 - 4096))
    }
}
