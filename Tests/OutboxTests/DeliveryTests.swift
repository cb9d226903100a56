import Logging
import NIOConcurrencyHelpers
import NIOHTTP1
import Primitives
import ServiceLifecycle
import SignalingCore
import SignalingService
import Storage
import TestDatabases
import Testing

@testable import Outbox

@Suite("Webhooks reach their receiver", .timeLimit(.minutes(1)), .serialized)
struct DeliveryTests {
    typealias World = OutboxWorld

    @Test("Signed, in the order of the call, each event until it is accepted", arguments: DatabaseEngine.tested)
    func inOrder(_ engine: DatabaseEngine) async throws {
        try await World.with(engine) { database, _, receiver in
            // The second event is refused three times.
            receiver.behave { _, number in .answer((1...3).contains(number) ? .internalServerError : .noContent) }
            let world = World(database, receiver)
            try await world.running {
                try await world.record(Story.whole(1).changes)
                try await world.passTime(untilFinished: 5)
            }
            let kinds = Story.kinds
            #expect(receiver.requests.map(\.type) == [kinds[0], kinds[1], kinds[1], kinds[1]] + kinds[1...])
            #expect(Set(receiver.requests.map(\.id)).count == 5)
            #expect(Set(receiver.requests[1...4].map(\.id)).count == 1)
            for request in receiver.requests {
                #expect(try request.isSigned(with: World.webhookSecret))
                #expect(request.headers["Content-Type"] == ["application/json"])
                #expect(request.headers["Ringback-Delivery"] == [request.id])
                #expect(request.headers["Ringback-Event"] == [request.type])
                #expect(request.path == "/hooks?from=ringback")
            }
            // At least half of 1 s, 2 s and 4 s.
            #expect(world.time.now - .start >= .milliseconds(3500))
            #expect(world.service.metrics.webhook.failedAttempts.value == 3)
            #expect(world.service.metrics.webhook.latency.value >= 4 * 3500)
            // The signature has the time of sending, not of the event.
            let times = receiver.requests.compactMap { $0.headers["Ringback-Signature"].first?.prefix(12) }
            #expect(times.first == "t=1700000000" && times.last != times.first)
        }
    }

    @Test("A call whose events are refused does not delay another call", arguments: DatabaseEngine.tested)
    func otherCallsGoOn(_ engine: DatabaseEngine) async throws {
        try await World.with(engine) { database, _, receiver in
            let (bad, good) = (Story.whole(1), Story.whole(2))
            let isMended = NIOLockedValueBox(false)
            let badID = bad.call.id.description
            receiver.behave { request, _ in
                request.call == badID && !isMended.withLockedValue { $0 } ? .answer(.badGateway) : .answer(.ok)
            }
            let world = World(database, receiver)
            try await world.running {
                try await world.record(bad.changes + good.changes)
                try await world.passTime(untilFinished: 5)
                #expect(receiver.requests.filter { $0.call != badID }.map(\.type) == Story.kinds)
                #expect(Set(receiver.requests.filter { $0.call == badID }.map(\.type)) == [Story.kinds[0]])
                isMended.withLockedValue { $0 = true }
                try await world.passTime(untilFinished: 10)
            }
            let taken = receiver.requests.filter { $0.call == badID }.map(\.type)
            #expect(Array(taken.suffix(4)) == Array(Story.kinds[1...]))
            try await world.isEmpty()
        }
    }

    static let misbehaviours: [(Receiver.Behaviour, isTaken: Bool)] = [
        (.hang, false), (.close, false), (.redirect, false), (.answer(.notFound), false), (.answerWithoutEnd, true),
    ]

    @Test("The event is sent again until the receiver answers 2xx, whatever else it does", arguments: 0..<5)
    func misbehaviour(_ index: Int) async throws {
        let (behaviour, isTaken) = Self.misbehaviours[index]
        try await World.with(.sqlite) { database, _, receiver in
            receiver.behave { _, number in number == 0 ? behaviour : .answer(.ok) }
            let world = World(database, receiver) {
                if case .hang = behaviour { $0.requestTimeout = .seconds(1) }
            }
            try await world.running {
                try await world.record(Story().changes)
                try await world.passTime(untilFinished: 1)
            }
            #expect(receiver.requests.count == (isTaken ? 1 : 2))
            #expect(Set(receiver.requests.map(\.path)) == ["/hooks?from=ringback"], "a redirect is not followed")
        }
    }

    @Test("The receiver is not there at first", arguments: DatabaseEngine.tested)
    func comesBack(_ engine: DatabaseEngine) async throws {
        try await World.with(engine) { database, _, receiver in
            let url = receiver.url
            let world = World(database, receiver) {
                // Nobody listens on the discard port.
                $0.webhooks = .init(url: Redacted("http://127.0.0.1:9/"), secret: Redacted(World.webhookSecret))
            }
            try await world.running {
                try await world.record(Story.whole(1).changes)
                try await world.passTime { world.service.metrics.webhook.failedAttempts.value >= 5 }
            }
            #expect(receiver.requests.isEmpty)
            let next = World(database, receiver, time: world.time) {
                $0.webhooks = .init(url: Redacted(url), secret: Redacted(World.webhookSecret))
            }
            try await next.running { try await next.passTime(untilFinished: 5) }
            #expect(receiver.requests.map(\.type) == Story.kinds)
        }
    }

    @Test("Given up when too old; later events go on", arguments: DatabaseEngine.tested)
    func givenUp(_ engine: DatabaseEngine) async throws {
        try await World.with(engine) { database, _, receiver in
            receiver.behave { request, _ in .answer(request.type == "call.initiated" ? .gone : .ok) }
            let world = World(database, receiver) { $0.giveUpAge = .seconds(600) }
            try await world.running {
                try await world.record(Story().changes)
                try await world.passTime(untilFinished: 1, .givenUp)
                #expect(world.time.now - .start <= .seconds(600))
                var story = Story(at: world.time.now)
                story.answer()
                try await world.record(Array(story.changes[1...]))
                try await world.passTime(untilFinished: 2)
            }
            // 1, 2, 4, … 256, 300 s, each at least half of it.
            #expect((9...13).contains(receiver.requests.count { $0.type == "call.initiated" }))
            #expect(Array(receiver.requests.suffix(2).map(\.type)) == [Story.kinds[1], Story.kinds[2]])
            try await world.isEmpty()
        }
    }

    @Test(
        "A server killed while it sends: the next one sends again when the lease has expired",
        arguments: DatabaseEngine.tested)
    func killed(_ engine: DatabaseEngine) async throws {
        try await World.with(engine) { database, place, receiver in
            receiver.behave { _, number in number == 0 ? .hang : .answer(.ok) }
            let first = World(database, receiver) { $0.requestTimeout = .seconds(30) }
            try await first.running {
                try await first.record(Story.whole(1).changes)
                await receiver.receives(1)
                // The first server does not notice: no time passes for it, and it still waits for an answer.
                let other = try place.open()
                let time = VirtualTime()
                let next = World(other, receiver, time: time) { $0.requestTimeout = .seconds(30) }
                try await next.running {
                    await time.sleeps(beyond: 0)
                    #expect(receiver.requests.count == 1)
                    try await next.passTime(untilFinished: 5)
                }
                #expect(time.now - .start >= .seconds(60))
                await other.close()
            }
            #expect(receiver.requests.map(\.type) == [Story.kinds[0]] + Story.kinds)
            #expect(receiver.requests[0].id == receiver.requests[1].id)
            // The first server's result for its attempt no longer changes anything.
            #expect(first.finished(.delivered) == 0)
            try await first.isEmpty()
        }
    }

    @Test("Two servers on one database send everything once", arguments: DatabaseEngine.tested)
    func twoServers(_ engine: DatabaseEngine) async throws {
        try await World.with(engine) { database, place, receiver in
            let other = try place.open()
            let time = VirtualTime()
            // Everything is due; no more time passes.
            time.advance(by: .seconds(1))
            let (one, two) = (World(database, receiver, time: time), World(other, receiver, time: time))
            try await one.running {
                try await two.running {
                    for number in 1...40 {
                        try await (number.isMultiple(of: 2) ? one : two).record(Story.whole(UInt64(number)).changes)
                    }
                    // The server that finishes an event continues with the next one.
                    try await one.wait { one.finished(.delivered) + two.finished(.delivered) == 200 }
                }
            }
            await other.close()
            #expect(receiver.requests.count == 200)
            #expect(Set(receiver.requests.map(\.id)).count == 200)
            for (_, requests) in Dictionary(grouping: receiver.requests, by: \.call) {
                #expect(requests.map(\.type) == Story.kinds)
            }
            try await one.isEmpty()
        }
    }

    @Test("A server that stops releases what is in flight, after a while", arguments: DatabaseEngine.tested)
    func stops(_ engine: DatabaseEngine) async throws {
        try await World.with(engine) { database, _, receiver in
            receiver.behave { _, number in number == 0 ? .hang : .answer(.ok) }
            let world = World(database, receiver) { $0.requestTimeout = .seconds(600) }
            let group = ServiceGroup(services: [world.service], logger: Logger(label: "test"))
            let running = Task { try await group.run() }
            await world.time.sleeps(beyond: 0)
            try await world.record(Story().changes)
            await receiver.receives(1)
            await world.time.sleeps(beyond: 1)
            await group.triggerGracefulShutdown()
            await world.time.sleeps(beyond: 2)
            world.time.advance(by: .seconds(3))
            try await running.value
            // There is no lease left to wait for.
            let next = World(database, receiver, time: world.time)
            try await next.running { try await next.passTime(untilFinished: 1) }
            #expect(next.time.now - .start <= .seconds(20))
            #expect(receiver.requests.map(\.type) == ["call.initiated", "call.initiated"])
        }
    }

    @Test("The database becomes unreachable: nothing is lost", arguments: DatabaseEngine.tested)
    func outage(_ engine: DatabaseEngine) async throws {
        try await World.with(engine) { database, _, receiver in
            let faulty = FaultyDatabase(database)
            let world = World(faulty, receiver)
            try await world.record(Story.whole(1).changes)
            // The sweep and two claims fail; a third one is carried out, but its result is lost.
            faulty.fail(.before(.unavailable), .before(.unavailable), .before(.outcomeUnknown), .after(.outcomeUnknown))
            receiver.behave { _, number in
                // That the first event was accepted can't be stored.
                if number == 0 { faulty.fail(.before(.unavailable)) }
                return .answer(.ok)
            }
            try await world.running { try await world.passTime(untilFinished: 5) }
            #expect(faulty.isSpent)
            #expect(receiver.requests.map(\.type) == [Story.kinds[0]] + Story.kinds)
            #expect(receiver.requests[0].id == receiver.requests[1].id)
            try await world.isEmpty()
        }
    }

    @Test("An event that becomes due while due events are being read is sent at once", arguments: DatabaseEngine.tested)
    func dueDuringTheLook(_ engine: DatabaseEngine) async throws {
        try await World.with(engine) { database, _, receiver in
            let slow = FaultyDatabase(database)
            let world = World(slow, receiver)
            let arrivals = NIOLockedValueBox<[Instant]>([])
            receiver.behave { [time = world.time] _, number in
                arrivals.withLockedValue { $0.append(time.now) }
                return .answer(number == 0 ? .badGateway : .ok)
            }
            let hasPassed = NIOLockedValueBox(false)
            // It is due again after at most a second, and the next read takes two.
            slow.beforeEach { [time = world.time, figures = world.service.metrics.webhook] unit in
                guard unit.steps.first?.statement == .claimOldestOfStreams, figures.failedAttempts.value == 1,
                    figures.inFlight.value == 0, !hasPassed.withLockedValue({ $0 })
                else { return }
                hasPassed.withLockedValue { $0 = true }
                time.advance(by: .seconds(2))
            }
            try await world.running {
                try await world.record(Story().changes)
                try await world.wait { hasPassed.withLockedValue { $0 } }
                try await world.passTime(untilFinished: 1)
            }
            let second = try #require(arrivals.withLockedValue { $0.dropFirst().first })
            #expect(second - .start < .seconds(3))
        }
    }

    @Test("Delivered events are kept for a day", arguments: DatabaseEngine.tested)
    func swept(_ engine: DatabaseEngine) async throws {
        try await World.with(engine) { database, _, receiver in
            let world = World(database, receiver)
            try await world.running {
                try await world.record(Story.whole(1).changes)
                try await world.passTime(untilFinished: 5)
            }
            let stream = "webhook:\(Story.whole(1).call.id)"
            let outcomes = try await database.query(.outboxEntriesOfStream, [.text(stream)]).map {
                try $0.text("outcome")
            }
            #expect(outcomes == Array(repeating: "delivered", count: 5))
            for (hours, count) in [(23, 5), (2, 0)] {
                world.time.advance(by: .seconds(Int64(hours) * 3600))
                let next = World(database, receiver, time: world.time)
                let sleeps = world.time.sleeps
                try await next.running { await world.time.sleeps(beyond: sleeps) }
                #expect(try await database.query(.outboxEntriesOfStream, [.text(stream)]).count == count)
            }
        }
    }
}

extension OutboxWorld {
    /// Checks that nothing is left to be sent.
    func isEmpty() async throws {
        let pending = try await database.query(.pendingOutboxEntries, [.text("webhook")])
        #expect(try pending.first?.integer("pending") == 0)
    }
}
