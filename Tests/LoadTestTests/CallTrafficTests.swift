import Primitives
import SwiftProtobuf
import Testing
import Wire

@testable import loadtest

@Suite("Calls")
struct CallTrafficTests {
    private let start = Instant(microseconds: 5_000_000)

    private func traffic(pairs: Int, rate: Double, seconds: Int) -> CallTraffic {
        CallTraffic(
            pairs: TinyServer.users(pairs),
            schedule: Schedule(start: start, rate: rate, seconds: seconds), timeout: .seconds(2), seed: 7)
    }

    @Test("Every call completes, and every step is measured")
    func wholeCalls() throws {
        var traffic = traffic(pairs: 3, rate: 10, seconds: 2)
        var server = TinyServer(pairs: 3)
        _ = server.serve(&traffic, from: start)
        let statistics = traffic.statistics
        #expect(traffic.isFinished)
        #expect(statistics.completed == 20)
        #expect(statistics.errors.isEmpty)
        #expect(server.calls.count == 20)
        #expect(server.calls.values.allSatisfy { $0.status == .completed })
        let counts = statistics.measures.map { statistics.latency($0)?.count }
        #expect(counts == [20, 20, 20, 20, 20, 40, 400, 20, 20])
        for measure in statistics.measures where measure != CallTraffic.late {
            #expect(abs((statistics.latency(measure)?.max ?? 0) - 1) < 0.01, "\(measure.key)")
        }
    }

    @Test("A call that had to wait is measured from its intended start")
    func omission() throws {
        var traffic = traffic(pairs: 1, rate: 10, seconds: 1)
        var server = TinyServer(pairs: 1)
        // The tool is blocked for a second; nine more calls are due.
        var now = start + .seconds(1)
        while !traffic.isFinished {
            traffic.advance(now: now)
            for outgoing in traffic.takeOutbox() {
                for (socket, frame) in server.answer(outgoing) { traffic.received(frame, on: socket, now: now) }
            }
            if !traffic.isFinished { now = now + Instant.Span(microseconds: 1) }
        }
        #expect(traffic.statistics.completed == 10)
        let reply = try #require(traffic.statistics.latency(CallTraffic.inviteReply))
        #expect(abs(reply.max - 1000) < 2)
        #expect(abs(reply.p50 - 500) < 2)
        let late = try #require(traffic.statistics.latency(CallTraffic.late))
        #expect(abs(late.max - 1000) < 2)
    }

    @Test("A call whose answer does not come times out, and is hung up when it comes later")
    func timeout() throws {
        var traffic = traffic(pairs: 1, rate: 1, seconds: 1)
        traffic.advance(now: start)
        let invite = try #require(traffic.takeOutbox().first)
        traffic.advance(now: start + .milliseconds(1999))
        #expect(!traffic.isFinished)
        traffic.advance(now: start + .milliseconds(2100))
        #expect(traffic.isFinished)
        #expect(traffic.statistics.errors == ["timeout": 1])
        #expect(traffic.takeOutbox().isEmpty)
        let late = TinyServer.ok(.with { $0.id = "late" }, to: invite.frame.id)
        traffic.received(late, on: 0, now: start + .seconds(3))
        #expect(traffic.takeOutbox().map(\.frame.callHangUp.callID) == ["late"])
        #expect(traffic.statistics.failed == 1)
    }

    @Test("A refused invite fails one call and frees its pair")
    func refusal() {
        var traffic = traffic(pairs: 1, rate: 10, seconds: 1)
        var server = TinyServer(pairs: 1)
        var isFirst = true
        _ = server.serve(&traffic, from: start) { outgoing, frames in
            guard isFirst, case .callInvite? = outgoing.frame.command else { return frames }
            isFirst = false
            return [(outgoing.socket, TinyServer.error(.rateLimited, to: outgoing.frame.id))]
        }
        #expect(traffic.statistics.errors == ["rate_limited": 1])
        #expect(traffic.statistics.completed == 9)
    }

    @Test("A candidate that is lost or altered fails the call, which is hung up before the next")
    func alteration() {
        var traffic = traffic(pairs: 1, rate: 10, seconds: 1)
        var server = TinyServer(pairs: 1)
        var candidates = 0
        _ = server.serve(&traffic, from: start) { outgoing, frames in
            guard case .sendCandidate? = outgoing.frame.command else { return frames }
            candidates += 1
            return candidates == 5 ? [] : frames
        }
        #expect(traffic.statistics.errors == ["altered": 1])
        #expect(traffic.statistics.completed == 9)
        #expect(server.calls.values.allSatisfy { $0.status == .completed })
    }

    @Test("A failed call that cannot be hung up yet keeps its pair until it can")
    func refusedHangUp() {
        var traffic = traffic(pairs: 1, rate: 10, seconds: 1)
        var server = TinyServer(pairs: 1)
        var hangUps: [String] = []
        _ = server.serve(&traffic, from: start) { outgoing, frames in
            if case .sendDescription? = outgoing.frame.command, hangUps.isEmpty {
                return [(outgoing.socket, TinyServer.error(.rateLimited, to: 0))]
            }
            guard case .callHangUp(let hangUp)? = outgoing.frame.command else { return frames }
            hangUps.append(hangUp.callID)
            guard hangUps.count == 1 else { return frames }
            let refusal = WireServerFrame.with {
                $0.replyTo = outgoing.frame.id
                $0.error.code = .rateLimited
                $0.error.retryable = true
                $0.error.retryAfterMs = 250
            }
            return [(outgoing.socket, refusal)]
        }
        #expect(hangUps.prefix(3) == ["call-0", "call-0", "call-1"])
        #expect(traffic.statistics.errors == ["rate_limited": 1])
        #expect(traffic.statistics.completed == 9)
        #expect((traffic.statistics.latency(CallTraffic.late)?.max ?? 0) > 200)
    }

    @Test("A pair that loses a socket is not used again; without pairs no more calls are started")
    func loss() {
        var traffic = traffic(pairs: 1, rate: 10, seconds: 1)
        traffic.advance(now: start)
        _ = traffic.takeOutbox()
        traffic.lost(socket: 1, code: "socket_closed_4002", now: start)
        traffic.lost(socket: 0, code: "socket_lost", now: start)
        traffic.advance(now: start + .milliseconds(100))
        #expect(traffic.takeOutbox().isEmpty)
        #expect(traffic.isFinished)
        #expect(traffic.statistics.errors == ["socket_closed_4002": 1, "not_started": 9])
    }

    @Test("A server that never answers ends the run in bounded time", arguments: [1, 4])
    func silence(pairs: Int) {
        var traffic = traffic(pairs: pairs, rate: 5, seconds: 2)
        var server = TinyServer(pairs: pairs)
        let end = server.serve(&traffic, from: start) { _, _ in [] }
        #expect(traffic.isFinished)
        #expect(end - start <= .seconds(2 + 2 * 2 + 1))
        #expect(traffic.statistics.failed == 10)
        #expect(traffic.statistics.completed == 0)
    }

    @Test("Signals have the size of real ones and can be told apart")
    func signals() {
        let signals = SyntheticSignals()
        #expect(signals.offer.utf8.count == 3072)
        #expect(signals.answer.utf8.count == 3072)
        #expect(signals.offer != signals.answer)
        #expect(Set(signals.candidates).count == 10)
    }
}
