import Accounts
import NIOConcurrencyHelpers
import Primitives
import SwiftProtobuf
import Testing
import Wire

@testable import Delivery

/// Which device gets which events again, through the registry.
@Suite struct ReplayTests {
    private static let user = UserID(high: 1, low: 1)
    private static let limits = ReplayLimits(
        events: 8, bytes: 2000, age: .seconds(20), lifetime: .seconds(30), detachedSessions: 2, totalBytes: 4000)

    private static func device(_ number: UInt64) -> DeviceID { DeviceID(high: 3, low: number) }

    private static func identity(_ number: UInt64, user: UserID = user, session: UInt64? = nil) -> Identity {
        Identity(
            profile: Profile(id: user, username: "ann", displayName: "Ann"),
            session: SessionID(high: 2, low: session ?? number), device: device(number))
    }

    private static func event(_ number: Int, length: Int = 0) -> WireEvent {
        .with {
            $0.messageReceived.message.seq = UInt64(number)
            $0.messageReceived.message.body = String(repeating: "x", count: length)
        }
    }

    /// A socket whose queue is only fetched by the test.
    private final class Line: ClientSocket {
        let encoding: Encoding
        let number: UInt64 = 1
        private let events = NIOLockedValueBox<[NumberedEvent]>([])

        init(_ encoding: Encoding = .json) { self.encoding = encoding }

        func enqueue(_ event: NumberedEvent) -> Bool {
            events.withLockedValue { $0.append(event) }
            return true
        }
        func reply(_ frame: WireServerFrame) {}
        func wake() {}
        func close(_ code: CloseCode) {}

        /// Takes so many events from the queue.
        func take(_ count: Int = .max) -> [NumberedEvent] {
            events.withLockedValue { events in
                let taken = Array(events.prefix(count))
                events.removeFirst(taken.count)
                return taken
            }
        }
    }

    /// A device and what its client has received.
    private struct Client {
        let identity: Identity
        var line: Line?
        var token = Redacted("")
        var lastSeq: UInt64 = 0

        mutating func connect(
            to registry: SessionRegistry, encoding: Encoding = .json, limit: Int = 5, resumes: Bool = true
        ) -> Resumption.Outcome? {
            let line = Line(encoding)
            let claim = resumes ? ResumeClaim(token: token, lastSeq: lastSeq) : nil
            let admission = registry.admit(line, of: identity, claim: claim, limit: limit) { _, _ in }
            guard case .admitted(let resumption, _) = admission else { return nil }
            token = resumption.token.text
            if resumption.outcome != .recovered { lastSeq = 0 }
            self.line = line
            return resumption.outcome
        }

        mutating func leave(_ registry: SessionRegistry) {
            if let line { registry.leave(line, of: identity) }
            line = nil
        }

        /// The numbers of the queued events; each has the place after the previous one.
        mutating func take(_ count: Int = .max) throws -> [Int] {
            var numbers: [Int] = []
            for event in line?.take(count) ?? [] {
                #expect(event.seq == lastSeq + 1)
                lastSeq = event.seq
                numbers.append(try event.event.number)
            }
            return numbers
        }
    }

    @Test func whoIsAwayGetsWhatWouldHaveReachedItAndNothingElse() throws {
        let registry = SessionRegistry(limits: Self.limits)
        var (phone, laptop) = (Client(identity: Self.identity(1)), Client(identity: Self.identity(2)))
        #expect(phone.connect(to: registry, resumes: false) == .begun)
        #expect(laptop.connect(to: registry, resumes: false) == .begun)
        registry.deliver(Self.event(1), to: [.user(Self.user)])
        #expect(try phone.take() == [1])
        phone.leave(registry)
        // It is not connected, and yet its events are kept.
        #expect(registry.connectedDevices(of: Self.user) == [Self.device(2)])
        registry.deliver(Self.event(2), to: [.user(Self.user)])
        registry.deliver(Self.event(3), to: [.others(Self.user, than: Self.device(1))])
        registry.deliver(Self.event(4), to: [.device(Self.user, Self.device(2))])
        registry.deliver(Self.event(5), to: [.device(Self.user, Self.device(1))])
        registry.deliver(Self.event(6), to: [.others(Self.user, than: Self.device(2))])
        registry.deliver(Self.event(7), to: [.user(UserID(high: 9, low: 9)), .device(Self.user, Self.device(3))])
        #expect(phone.connect(to: registry) == .recovered)
        registry.deliver(Self.event(8), to: [.user(Self.user)])
        #expect(try phone.take() == [2, 5, 6, 8])
        #expect(try laptop.take() == [1, 2, 3, 4, 8])
        // What was sent again is not kept twice, and is sent again once more.
        phone.leave(registry)
        phone.lastSeq = 2
        #expect(phone.connect(to: registry) == .recovered)
        #expect(try phone.take() == [5, 6, 8])
    }

    @Test func whatWasAcknowledgedIsGone() throws {
        let registry = SessionRegistry(limits: Self.limits)
        var phone = Client(identity: Self.identity(1))
        _ = phone.connect(to: registry, resumes: false)
        for number in 1...4 { registry.deliver(Self.event(number), to: [.user(Self.user)]) }
        let line = try #require(phone.line)
        registry.acknowledge(3, by: Line(), of: phone.identity)
        registry.acknowledge(99, by: line, of: phone.identity)
        #expect(registry.keptBytes > 0)
        registry.acknowledge(4, by: line, of: phone.identity)
        #expect(registry.keptBytes == 0)
        #expect(phone.connect(to: registry) == .refused(.missedTooMuch))
    }

    @Test func aNewerSocketTakesTheWindowWhenItResumesAndBeginsAnewWhenNot() throws {
        let registry = SessionRegistry(limits: Self.limits)
        var client = Client(identity: Self.identity(1))
        _ = client.connect(to: registry, resumes: false)
        registry.deliver(Self.event(1), to: [.user(Self.user)])
        let older = try #require(client.line)
        #expect(client.connect(to: registry) == .recovered)
        let token = client.token
        #expect(try client.take() == [1])
        // It is no longer the device's socket.
        registry.leave(older, of: client.identity)
        #expect(registry.connectedDevices(of: Self.user) == [Self.device(1)])
        registry.deliver(Self.event(2), to: [.user(Self.user)])
        #expect(older.take().map(\.seq) == [1])
        #expect(client.connect(to: registry, resumes: false) == .begun)
        #expect(client.token != token)
        registry.deliver(Self.event(3), to: [.user(Self.user)])
        #expect(try client.take() == [3])
        client.token = token
        #expect(client.connect(to: registry) == .refused(.unknown))
    }

    @Test func whoStaysAwayTooLongBeginsAnew() throws {
        let now = NIOLockedValueBox(Instant.zero)
        let registry = SessionRegistry(limits: Self.limits) { now.withLockedValue { $0 } }
        var clients = (1...2).map { Client(identity: Self.identity($0)) }
        for index in clients.indices {
            _ = clients[index].connect(to: registry, resumes: false)
            clients[index].leave(registry)
        }
        registry.deliver(Self.event(1), to: [.user(Self.user)])
        now.withLockedValue { $0 = .zero + .seconds(19) }
        #expect(clients[0].connect(to: registry) == .recovered)
        // The event is too old by now, but the device session is not; later that is, too.
        now.withLockedValue { $0 = .zero + .seconds(20) }
        registry.forgetOld()
        #expect(registry.keptBytes == 0)
        #expect(clients[1].connect(to: registry) == .refused(.missedTooMuch))
        clients[1].leave(registry)
        now.withLockedValue { $0 = .zero + .seconds(50) }
        registry.forgetOld()
        #expect(registry.sessions[Self.user] == [SessionID(high: 2, low: 1)])
        #expect(clients[1].connect(to: registry) == .refused(.unknown))
    }

    @Test func nobodyResumesWithASessionThatHasEnded() throws {
        let registry = SessionRegistry(limits: Self.limits)
        var clients = (1...3).map { Client(identity: Self.identity($0)) }
        for index in clients.indices { _ = clients[index].connect(to: registry, resumes: false) }
        clients[0].leave(registry)
        registry.sessionsRevoked([SessionID(high: 2, low: 1), SessionID(high: 2, low: 2)], of: Self.user)
        clients[1].leave(registry)
        #expect(registry.sessions[Self.user] == [SessionID(high: 2, low: 3)])
    }

    @Test func memoryIsBoundedByNumberAndBytes() throws {
        let registry = SessionRegistry(limits: Self.limits)
        // Three users with a device each, of which two may be away at the same time.
        var clients = (1...3).map { Client(identity: Self.identity($0, user: UserID(high: 1, low: $0))) }
        for index in clients.indices {
            _ = clients[index].connect(to: registry, resumes: false)
            clients[index].leave(registry)
        }
        #expect(registry.sessions.keys.sorted() == [UserID(high: 1, low: 2), UserID(high: 1, low: 3)])
        // One user with more devices than sockets: the one that has been away longest is forgotten.
        for number in 2...3 as ClosedRange<UInt64> {
            var other = Client(identity: Self.identity(number + 10, user: UserID(high: 1, low: 3)))
            _ = other.connect(to: registry, limit: 2, resumes: false)
            other.leave(registry)
        }
        #expect(registry.sessions[UserID(high: 1, low: 3)]?.count == 2)

        let crowd = SessionRegistry(limits: Self.limits)
        var phones = (1...4).map { Client(identity: Self.identity($0)) }
        for index in phones.indices { _ = phones[index].connect(to: crowd, resumes: false) }
        phones[0].leave(crowd)
        for number in 1...6 {
            crowd.deliver(Self.event(number, length: 500), to: [.user(Self.user)])
            #expect(crowd.keptBytes <= Self.limits.totalBytes)
        }
        #expect(phones[0].connect(to: crowd) == .refused(.unknown))
        // Connected devices still get every event.
        #expect(try phones[1].take() == [1, 2, 3, 4, 5, 6])
    }

    @Test func detachmentsDoNotPileUp() {
        var devices = DeviceSessions(limits: Self.limits)
        let (line, token) = (Line(), ResumeToken.random())
        let (device, session) = (Self.device(1), SessionID(high: 2, low: 1))
        for _ in 0..<5000 {
            let attachment = devices.attach(
                line, Self.user, device, session: session, claim: ResumeClaim(token: token.text, lastSeq: 0),
                token: token, limit: 1, now: .zero)
            #expect(attachment != nil)
            let isDetached = devices.detach(line, Self.user, device, now: .zero)
            #expect(isDetached)
        }
        #expect(devices.detachments.count <= 66 && devices.detachedCount == 1 && devices.attachedCount == 0)
    }

    @Test func manyThreadsAtOnceKeepTheOrderOfThePlaces() async throws {
        let registry = SessionRegistry(limits: ReplayLimits())
        var clients = Encoding.allCases.enumerated().map { Client(identity: Self.identity(UInt64($0.offset))) }
        for index in clients.indices {
            _ = clients[index].connect(to: registry, encoding: Encoding.allCases[index], resumes: false)
        }
        await withTaskGroup { group in
            for task in 0..<4 {
                group.addTask {
                    for number in 0..<500 {
                        registry.deliver(Self.event(task * 1000 + number), to: [.user(Self.user)])
                    }
                }
            }
        }
        for index in clients.indices {
            let numbers = try clients[index].take()
            #expect(numbers.count == 2000)
            for task in 0..<4 {
                #expect(numbers.filter { $0 / 1000 == task } == (0..<500).map { task * 1000 + $0 })
            }
        }
    }

    @Test("Random schedules", arguments: 0..<10 as Range<UInt64>) func schedules(batch: UInt64) throws {
        for seed in batch * 20..<(batch + 1) * 20 {
            var walk = Walk(seed: seed)
            for _ in 0..<120 { try walk.step() }
            #expect(walk.recoveries > 0 || walk.refusals > 0, "seed \(seed)")
        }
    }

    /// Three devices that connect, disconnect, read, acknowledge and lie, and a record of what each should have
    /// received.
    private struct Walk {
        let seed: UInt64
        var random: SeededGenerator
        let now = NIOLockedValueBox(Instant.zero)
        let registry: SessionRegistry
        var clients: [Client]
        /// What has happened for each device since it began.
        var happened: [[(number: Int, time: Instant)]] = [[], [], []]
        var acknowledged = [0, 0, 0]
        var leftAt: [Instant?] = [nil, nil, nil]
        var hasBegun = [false, false, false]
        var count = 0
        var recoveries = 0
        var refusals = 0

        init(seed: UInt64) {
            self.seed = seed
            random = SeededGenerator(seed: seed)
            let limits = ReplayLimits(events: 5, age: .seconds(20), lifetime: .seconds(10))
            registry = SessionRegistry(limits: limits) { [now] in now.withLockedValue { $0 } }
            clients = (0..<3).map { Client(identity: identity($0)) }
        }

        mutating func step() throws {
            let index = Int.random(in: 0..<3, using: &random)
            let present = now.withLockedValue { now in
                now = now + .milliseconds(Int64.random(in: 0...2000, using: &random))
                return now
            }
            for index in 0..<3 {
                if let left = leftAt[index], left + .seconds(10) <= present { hasBegun[index] = false }
            }
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<4:
                count += 1
                let address: Address =
                    switch Int.random(in: 0..<3, using: &random) {
                    case 0: .user(user)
                    case 1: .others(user, than: device(UInt64(index)))
                    default: .device(user, device(UInt64(index)))
                    }
                for other in 0..<3 where hasBegun[other] {
                    switch address {
                    case .user: break
                    case .others where other == index: continue
                    case .device where other != index: continue
                    case .others, .device: break
                    }
                    happened[other].append((count, present))
                }
                registry.deliver(event(count), to: [address])
            case 4, 5: try read(index, Int.random(in: 0...3, using: &random))
            case 6:
                guard let line = clients[index].line else { return }
                acknowledged[index] = max(acknowledged[index], Int(clients[index].lastSeq))
                registry.acknowledge(clients[index].lastSeq, by: line, of: clients[index].identity)
            case 7:
                if clients[index].line != nil { leftAt[index] = present }
                clients[index].leave(registry)
            default: try connect(index, present)
            }
        }

        private mutating func connect(_ index: Int, _ present: Instant) throws {
            if Int.random(in: 0..<4, using: &random) == 0 { clients[index].lastSeq += 1 }
            let lastSeq = Int(clients[index].lastSeq)
            let all = happened[index]
            let kept = all.indices.drop { $0 < max(acknowledged[index], all.count - 5) }
                .drop { all[$0].time + .seconds(20) <= present }
            let isPossible = hasBegun[index] && lastSeq <= all.count && lastSeq >= kept.first ?? all.count
            let outcome = clients[index].connect(to: registry)
            #expect((outcome == .recovered) == isPossible, "seed \(seed): \(String(describing: outcome))")
            if outcome == .recovered {
                recoveries += 1
                acknowledged[index] = max(acknowledged[index], lastSeq)
            } else {
                refusals += 1
                (happened[index], acknowledged[index], hasBegun[index]) = ([], 0, true)
            }
            leftAt[index] = nil
        }

        private mutating func read(_ index: Int, _ count: Int) throws {
            let from = Int(clients[index].lastSeq)
            let numbers = try clients[index].take(count)
            guard from <= happened[index].count else { return }
            let expected = happened[index].dropFirst(from).prefix(numbers.count).map(\.number)
            #expect(numbers == expected, "seed \(seed)")
        }
    }
}

extension SessionRegistry {
    /// How many bytes of events it keeps, as an operator sees it.
    fileprivate var keptBytes: Int {
        metricFamilies.first { $0.name == "replay_window_bytes" }?.samples.first?.value ?? -1
    }
}
