import Primitives
import SwiftProtobuf
import Testing
import Wire

@testable import loadtest

@Suite("Relays")
struct RelayTrafficTests {
    private let start = Instant(microseconds: 5_000_000)

    private func traffic(
        _ kind: RelayContent.Kind = .candidate, bytes: Int = 400, calls: [String?] = ["call-0", "call-1"],
        rate: Double = 8, seconds: Int = 1
    ) -> RelayTraffic {
        RelayTraffic(
            pairs: TinyServer.users(calls.count), calls: calls, content: RelayContent(kind, bytes: bytes),
            schedule: Schedule(start: start, rate: rate, seconds: seconds), timeout: .seconds(2))
    }

    @Test("Pairs take turns, and so do the two of a pair", arguments: [RelayContent.Kind.candidate, .description])
    func turns(kind: RelayContent.Kind) throws {
        var traffic = traffic(kind, bytes: 1000)
        traffic.advance(now: start + .milliseconds(374))
        #expect(traffic.takeOutbox().map(\.socket) == [0, 2, 1])
        traffic.advance(now: start + .milliseconds(875))
        let outbox = traffic.takeOutbox()
        #expect(outbox.map(\.socket) == [3, 0, 2, 1, 3])
        #expect(outbox.allSatisfy { $0.frame.id == 0 })
        for outgoing in outbox {
            let peer = ["b0", "a0", "b1", "a1"][outgoing.socket]
            let call = outgoing.socket < 2 ? "call-0" : "call-1"
            switch kind {
            case .candidate:
                #expect(outgoing.frame.sendCandidate.userID == peer)
                #expect(outgoing.frame.sendCandidate.callID == call)
                #expect(outgoing.frame.sendCandidate.candidate.candidate.utf8.count == 1000)
            case .description:
                let type: WireDescriptionType = outgoing.socket.isMultiple(of: 2) ? .offer : .answer
                #expect(outgoing.frame.sendDescription.userID == peer)
                #expect(outgoing.frame.sendDescription.callID == call)
                #expect(outgoing.frame.sendDescription.description_p.type == type)
                #expect(outgoing.frame.sendDescription.description_p.sdp.utf8.count == 1000)
            }
        }
        #expect(traffic.statistics.started == 8)
        // From their intended times: at 250, 125 and 0 ms, and from 375 to 875 ms.
        let late = try #require(traffic.statistics.latency(RelayTraffic.late))
        #expect(late.count == 8)
        #expect(abs(late.max - 500) < 2)
    }

    @Test("Every relay is matched to its sending and measured from its intended start")
    func wholeRelays() throws {
        var traffic = traffic()
        let now = start + .milliseconds(875)
        traffic.advance(now: now)
        var server = TinyServer(pairs: 2)
        // Directions overtake each other: only within one there is an order.
        let outbox = traffic.takeOutbox().sorted { $0.socket > $1.socket }
        for outgoing in outbox {
            #expect(!traffic.isFinished)
            for (socket, frame) in server.answer(outgoing) { traffic.received(frame, on: socket, now: now) }
        }
        #expect(traffic.isFinished)
        #expect(traffic.statistics.completed == 8)
        #expect(traffic.statistics.errors.isEmpty)
        let latency = try #require(traffic.statistics.latency(RelayTraffic.delivery))
        #expect(latency.count == 8)
        #expect(abs(latency.max - 875) < 2)
        #expect(abs(latency.p50 - 375) < 2)
    }

    /// What happens to four relays from one side to the other, whose numbers are 1, 3, 5 and 7.
    enum Step: Sendable {
        case arrives(UInt32)
        case arrivesAltered(UInt32)
        /// In a call that is not the pair's.
        case arrivesElsewhere(UInt32)
        /// At its sender.
        case echoed(UInt32)
        /// An error, which does not say what it is about.
        case refused
        case milliseconds(Int64)
    }

    struct Course: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let steps: [Step]
        var errors: [String: Int] = [:]
        var failed = 0
    }

    private static let courses = [
        Course(testDescription: "all in order", steps: [.arrives(1), .arrives(3), .arrives(5), .arrives(7)]),
        Course(
            testDescription: "one just in time",
            steps: [.arrives(1), .arrives(3), .arrives(5), .milliseconds(1999), .arrives(7)]),
        Course(
            testDescription: "one lost", steps: [.arrives(1), .arrives(5), .arrives(7), .milliseconds(2100)],
            errors: ["timeout": 1], failed: 1),
        Course(
            testDescription: "one too late",
            steps: [.arrives(1), .arrives(3), .arrives(5), .milliseconds(2100), .arrives(7)],
            errors: ["timeout": 1], failed: 1),
        Course(
            testDescription: "one altered", steps: [.arrives(1), .arrivesAltered(3), .arrives(5), .arrives(7)],
            errors: ["altered": 1], failed: 1),
        Course(
            testDescription: "one overtaken", steps: [.arrives(1), .arrives(5), .arrives(3), .arrives(7)],
            errors: ["altered": 1], failed: 1),
        Course(
            testDescription: "one twice", steps: [.arrives(1), .arrives(3), .arrives(3), .arrives(5), .arrives(7)],
            errors: ["altered": 1]),
        Course(
            testDescription: "one instead of another",
            steps: [.arrives(1), .arrives(1), .arrives(5), .arrives(7), .milliseconds(2100)],
            errors: ["altered": 1, "timeout": 1], failed: 1),
        Course(
            testDescription: "one that was never sent",
            steps: [.arrives(1), .arrives(9), .arrives(5), .arrives(7)], errors: ["altered": 1], failed: 1),
        Course(
            testDescription: "one in another call",
            steps: [.arrives(1), .arrivesElsewhere(3), .arrives(5), .arrives(7)], errors: ["altered": 1], failed: 1),
        Course(
            testDescription: "one back at its sender",
            steps: [.arrives(1), .echoed(3), .arrives(5), .arrives(7), .milliseconds(2100)],
            errors: ["altered": 1, "timeout": 1], failed: 1),
        Course(
            testDescription: "one refused", steps: [.arrives(1), .refused, .arrives(5), .arrives(7)],
            errors: ["rate_limited": 1], failed: 1),
        Course(
            testDescription: "one refused, which is told last",
            steps: [.arrives(1), .arrives(5), .arrives(7), .refused], errors: ["rate_limited": 1], failed: 1),
        Course(
            testDescription: "one refused and one lost",
            steps: [.arrives(1), .refused, .arrives(7), .milliseconds(2100)],
            errors: ["rate_limited": 1, "timeout": 1], failed: 2),
        Course(
            testDescription: "an error about nothing that was sent",
            steps: [.arrives(1), .refused, .arrives(3), .arrives(5), .arrives(7)], errors: ["rate_limited": 1],
            failed: 1),
        Course(
            testDescription: "an error when nothing is in flight",
            steps: [.arrives(1), .arrives(3), .arrives(5), .arrives(7), .refused], errors: ["rate_limited": 1]),
    ]

    @Test("Each mishap fails the relay that it happens to, once, and no other", arguments: courses)
    func mishaps(course: Course) throws {
        var traffic = traffic(calls: ["call-0"])
        let content = RelayContent(.candidate, bytes: 400)
        var now = start + .seconds(1)
        traffic.advance(now: now)
        try #require(traffic.takeOutbox().map(\.socket) == [0, 1, 0, 1, 0, 1, 0, 1])
        func arrive(_ text: String, on socket: Int, in call: String = "call-0") {
            let frame = TinyServer.event {
                $0.candidateReceived.callID = call
                $0.candidateReceived.candidate.candidate = text
            }
            traffic.received(frame, on: socket, now: now)
        }
        for number: UInt32 in [2, 4, 6, 8] { arrive(content.text(number), on: 0) }
        for step in course.steps {
            switch step {
            case .arrives(let number): arrive(content.text(number), on: 1)
            case .arrivesAltered(let number):
                arrive(content.text(number).replacing("typ host", with: "typ hosT"), on: 1)
            case .arrivesElsewhere(let number): arrive(content.text(number), on: 1, in: "call-1")
            case .echoed(let number): arrive(content.text(number), on: 0)
            case .refused: traffic.received(TinyServer.error(.rateLimited, to: 0), on: 0, now: now)
            case .milliseconds(let count):
                now = now + .milliseconds(count)
                traffic.advance(now: now)
            }
        }
        #expect(traffic.isFinished)
        #expect(traffic.statistics.errors == course.errors)
        #expect(traffic.statistics.failed == course.failed)
        #expect(traffic.statistics.completed == 8 - course.failed)
        #expect(traffic.statistics.latency(RelayTraffic.delivery)?.count == 8 - course.failed)
        // What was given up is not counted again.
        traffic.advance(now: now + .seconds(5))
        #expect(traffic.statistics.failed == course.failed)
    }

    @Test("A pair that loses a socket or its call falls silent, and the others go on", arguments: [true, false])
    func loss(ofSocket: Bool) {
        var traffic = traffic()
        traffic.advance(now: start + .milliseconds(374))
        #expect(traffic.takeOutbox().map(\.socket) == [0, 2, 1])
        let ended = TinyServer.event {
            $0.callChanged.callID = "call-0"
            $0.callChanged.state.status = .completed
        }
        if ofSocket {
            traffic.lost(socket: 1, code: "socket_lost", now: start)
            traffic.lost(socket: 0, code: "socket_lost", now: start)
        } else {
            traffic.received(ended, on: 1, now: start)
            traffic.received(ended, on: 0, now: start)
        }
        let code = ofSocket ? "socket_lost" : "ended_early"
        #expect(traffic.statistics.errors == [code: 2])
        traffic.advance(now: start + .milliseconds(500))
        #expect(traffic.takeOutbox().map(\.socket) == [3, 2])
        traffic.lost(socket: 2, code: "socket_lost", now: start)
        traffic.advance(now: start + .milliseconds(625))
        #expect(traffic.takeOutbox().isEmpty)
        #expect(traffic.statistics.errors == [code: 2].merging(["socket_lost": 3, "not_started": 3]) { $0 + $1 })
        #expect(traffic.statistics.failed == 8)
        #expect(traffic.isFinished)
    }

    @Test("The loss of a pair that has nothing in flight is an error, but no failed relay")
    func idleLoss() {
        var traffic = traffic()
        traffic.lost(socket: 0, code: "socket_lost", now: start)
        #expect(traffic.statistics.errors == ["socket_lost": 1])
        #expect(traffic.statistics.failed == 0)
    }

    @Test("Without calls nothing is started; without one of them the others make up for it")
    func withoutCalls() {
        var none = traffic(calls: [nil, nil])
        none.advance(now: start)
        #expect(none.isFinished)
        #expect(none.statistics.errors == ["not_started": 8])
        var one = traffic(calls: [nil, "call-1"])
        one.advance(now: start + .seconds(1))
        #expect(one.takeOutbox().map(\.socket) == [2, 3, 2, 3, 2, 3, 2, 3])
    }

    @Test("A server that passes nothing on ends the run in bounded time")
    func silence() {
        var traffic = traffic(rate: 50)
        var server = TinyServer(pairs: 2)
        let end = server.serve(&traffic, from: start) { _, _ in [] }
        #expect(traffic.isFinished)
        #expect(end - start <= .milliseconds(3200))
        #expect(traffic.statistics.errors == ["timeout": 50])
    }

    @Test("Calls are established, used and hung up", arguments: [RelayContent.Kind.candidate, .description])
    func whole(kind: RelayContent.Kind) {
        var calls = StandingCalls(pairs: TinyServer.users(3), timeout: .seconds(2), seed: 7, now: start)
        var server = TinyServer(pairs: 3)
        _ = server.serve(&calls, from: start)
        var traffic = traffic(kind, calls: calls.ongoing, rate: 30, seconds: 2)
        _ = server.serve(&traffic, from: start)
        #expect(traffic.statistics.completed == 60)
        #expect(traffic.statistics.errors.isEmpty)
        calls.hangUp()
        _ = server.serve(&calls, from: start)
        #expect(calls.statistics.errors.isEmpty)
        #expect(server.calls.count == 3)
        #expect(server.calls.values.allSatisfy { $0.status == .completed })
    }

    @Test(
        "Texts have the length that was asked for, and their numbers can be read again",
        arguments: [RelayContent.Kind.candidate, .description], [100, 400, 2048, 3072])
    func content(kind: RelayContent.Kind, bytes: Int) {
        let content = RelayContent(kind, bytes: bytes)
        for number: UInt32 in [1, 4_000_000_000, .max] {
            let text = content.text(number)
            #expect(text.utf8.count == bytes)
            #expect(content.number(in: text) == number)
            #expect(content.number(in: text + " ") == nil)
            #expect(content.number(in: String(text.dropLast())) == nil)
            #expect(content.number(in: "x" + text.dropFirst()) == nil)
        }
        #expect(content.text(1) != content.text(2))
    }

    @Test("A rate that asks too much of the pairs is reported beforehand")
    func advice() {
        let limits = WireLimits.with { $0.commandsPerSecond = 100 }
        func warning(rate: Double) -> String? {
            Advice.warning(
                limits: limits, pairs: 10, rate: rate, commandsPerPiece: Advice.commandsPerRelay, invitesPerPiece: 0)
        }
        #expect(warning(rate: 2000) == nil)
        #expect(warning(rate: 2001)?.contains("100 commands a second") == true)
    }
}
