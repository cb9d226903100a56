import Primitives
import SwiftProtobuf
import Testing
import Wire

@testable import loadtest

@Suite("Messages")
struct MessageTrafficTests {
    private let start = Instant(microseconds: 5_000_000)

    private func traffic(rate: Double = 10) -> MessageTraffic {
        MessageTraffic(
            pairs: [UserPair(first: "a", second: "b"), UserPair(first: "c", second: "d")],
            schedule: Schedule(start: start, rate: rate, seconds: 1), timeout: .seconds(2), bytes: 200, seed: 7)
    }

    private func reply(to outgoing: Outgoing) -> WireServerFrame {
        .with {
            $0.replyTo = outgoing.frame.id
            $0.ok.message.clientMessageID = outgoing.frame.sendMessage.clientMessageID
        }
    }

    private func delivery(of outgoing: Outgoing, body: String? = nil) -> WireServerFrame {
        .with {
            $0.event.messageReceived.message.clientMessageID = outgoing.frame.sendMessage.clientMessageID
            $0.event.messageReceived.message.body = body ?? outgoing.frame.sendMessage.body
        }
    }

    @Test("Pairs take turns; reply and delivery may come in any order")
    func wholeMessages() throws {
        var traffic = traffic()
        let now = start + .seconds(1)
        traffic.advance(now: now)
        let outbox = traffic.takeOutbox()
        #expect(outbox.map(\.socket) == [0, 2, 0, 2, 0, 2, 0, 2, 0, 2])
        #expect(outbox.prefix(2).map(\.frame.sendMessage.userID) == ["b", "d"])
        #expect(outbox.allSatisfy { $0.frame.sendMessage.body.utf8.count == 200 })
        #expect(Set(outbox.map(\.frame.sendMessage.clientMessageID)).count == 10)
        for (index, outgoing) in outbox.enumerated() {
            if index.isMultiple(of: 2) { traffic.received(reply(to: outgoing), on: outgoing.socket, now: now) }
            traffic.received(delivery(of: outgoing), on: outgoing.socket + 1, now: now)
            if !index.isMultiple(of: 2) { traffic.received(reply(to: outgoing), on: outgoing.socket, now: now) }
        }
        #expect(traffic.isFinished)
        #expect(traffic.statistics.completed == 10)
        // From their intended times: 1000 ms down to 100 ms.
        let latency = try #require(traffic.statistics.latency(MessageTraffic.delivery))
        #expect(abs(latency.max - 1000) < 2)
        #expect(abs(latency.p50 - 500) < 2)
    }

    @Test("Errors, altered bodies, timeouts and lost sockets each fail their messages once")
    func failures() {
        var traffic = traffic(rate: 6)
        let now = start + .seconds(1)
        traffic.advance(now: now)
        let outbox = traffic.takeOutbox()
        #expect(outbox.count == 6)
        traffic.received(
            .with {
                $0.replyTo = outbox[0].frame.id
                $0.error.code = .rateLimited
            }, on: 0, now: now)
        traffic.received(delivery(of: outbox[2], body: "other"), on: 1, now: now)
        // At the sender's own socket it does not count as a delivery.
        traffic.received(delivery(of: outbox[4]), on: 0, now: now)
        traffic.lost(socket: 3, code: "socket_lost", now: now)
        traffic.lost(socket: 2, code: "socket_lost", now: now)
        #expect(traffic.statistics.errors == ["rate_limited": 1, "altered": 1, "socket_lost": 3])
        #expect(!traffic.isFinished)
        traffic.advance(now: now + .milliseconds(1999))
        #expect(!traffic.isFinished)
        traffic.advance(now: now + .milliseconds(2100))
        #expect(traffic.isFinished)
        #expect(traffic.statistics.errors["timeout"] == 1)
        // A reply that comes too late changes nothing.
        traffic.received(reply(to: outbox[4]), on: 0, now: now + .seconds(3))
        #expect(traffic.statistics.failed == 6)
        #expect(traffic.statistics.completed == 0)
    }

    @Test("Without sockets the rest is not started")
    func loss() {
        var traffic = traffic()
        for socket in 0..<4 { traffic.lost(socket: socket, code: "socket_lost", now: start) }
        traffic.advance(now: start)
        #expect(traffic.isFinished)
        #expect(traffic.statistics.errors == ["not_started": 10])
    }

    @Test("Limits that are too low for the load are reported beforehand")
    func advice() {
        let limits = WireLimits.with {
            $0.commandsPerSecond = 100
            $0.invitesPerMinute = 30
        }
        func warning(_ pairs: Int, _ rate: Double, commands: Double, invites: Double) -> String? {
            Advice.warning(
                limits: limits, pairs: pairs, rate: rate, commandsPerPiece: commands, invitesPerPiece: invites)
        }
        #expect(warning(10, 5, commands: Advice.commandsPerCall, invites: 1) == nil)
        #expect(warning(10, 5.1, commands: Advice.commandsPerCall, invites: 1)?.contains("30 calls a minute") == true)
        #expect(warning(10, 1000, commands: 1, invites: 0) == nil)
        #expect(warning(10, 1001, commands: 1, invites: 0)?.contains("100 commands a second") == true)
    }
}
