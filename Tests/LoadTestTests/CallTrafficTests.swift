import Primitives
import SwiftProtobuf
import Testing
import Wire

@testable import loadtest

/// A tiny server for this test: it answers the commands of calls at once, with a given delay for each frame.
private struct TinyServer {
    /// The indices of the users of the two sides.
    let places: [String: Int]
    var calls: [String: WireCall] = [:]

    /// The result of a command: frames and the sockets they go to.
    mutating func answer(_ outgoing: Outgoing) -> [(socket: Int, frame: WireServerFrame)] {
        let frame = outgoing.frame
        let peer = outgoing.socket ^ 1
        switch frame.command {
        case .callInvite(let invite)?:
            let call = WireCall.with {
                $0.id = "call-\(calls.count)"
                $0.clientCallID = invite.clientCallID
                $0.status = .initiated
            }
            calls[call.id] = call
            return [
                (outgoing.socket, Self.ok(call, to: frame.id)), (peer, Self.event { $0.callIncoming.call = call }),
            ]
        case .callAccept(let accept)?:
            calls[accept.callID]?.status = .ongoing
            return told(accept.callID, outgoing)
        case .callHangUp(let hangUp)?:
            calls[hangUp.callID]?.status = .completed
            return told(hangUp.callID, outgoing)
        case .sendDescription(let command)?:
            guard let place = places[command.userID] else { return [] }
            return [
                (
                    place,
                    Self.event {
                        $0.descriptionReceived.callID = command.callID
                        $0.descriptionReceived.description_p = command.description_p
                    }
                )
            ]
        case .sendCandidate(let command)?:
            guard let place = places[command.userID] else { return [] }
            return [
                (
                    place,
                    Self.event {
                        $0.candidateReceived.callID = command.callID
                        $0.candidateReceived.candidate = command.candidate
                    }
                )
            ]
        default: return []
        }
    }

    private func told(_ id: String, _ outgoing: Outgoing) -> [(socket: Int, frame: WireServerFrame)] {
        guard let call = calls[id] else { return [] }
        return [
            (outgoing.socket, Self.ok(call, to: outgoing.frame.id)),
            (
                outgoing.socket ^ 1,
                Self.event {
                    $0.callChanged.callID = call.id
                    $0.callChanged.state.status = call.status
                }
            ),
        ]
    }

    static func ok(_ call: WireCall, to id: UInt32) -> WireServerFrame {
        .with {
            $0.replyTo = id
            $0.ok.call = call
        }
    }

    static func error(_ code: WireErrorCode, to id: UInt32) -> WireServerFrame {
        .with {
            $0.replyTo = id
            $0.error.code = code
        }
    }

    static func event(_ change: (inout WireEvent) -> Void) -> WireServerFrame {
        .with { change(&$0.event) }
    }
}

@Suite("Calls")
struct CallTrafficTests {
    private let start = Instant(microseconds: 5_000_000)

    private func traffic(pairs: Int, rate: Double, seconds: Int) -> CallTraffic {
        CallTraffic(
            pairs: (0..<pairs).map { UserPair(first: "a\($0)", second: "b\($0)") },
            schedule: Schedule(start: start, rate: rate, seconds: seconds), timeout: .seconds(2), seed: 7)
    }

    private func server(pairs: Int) -> TinyServer {
        var places: [String: Int] = [:]
        for pair in 0..<pairs {
            places["a\(pair)"] = pair * 2
            places["b\(pair)"] = pair * 2 + 1
        }
        return TinyServer(places: places)
    }

    /// Runs traffic against the server in virtual time; each frame of the server comes a millisecond after its cause.
    private func run(
        _ traffic: inout CallTraffic, _ server: inout TinyServer,
        change: (Outgoing, [(socket: Int, frame: WireServerFrame)]) -> [(socket: Int, frame: WireServerFrame)] = { $1 }
    ) -> Instant {
        var now = start
        for _ in 0..<100_000 where !traffic.isFinished {
            traffic.advance(now: now)
            var outbox = traffic.takeOutbox()
            while !outbox.isEmpty {
                now = now + .milliseconds(1)
                let frames = outbox.flatMap { change($0, server.answer($0)) }
                for (socket, frame) in frames { traffic.received(frame, on: socket, now: now) }
                outbox = traffic.takeOutbox()
            }
            now = max(now, traffic.nextWake)
        }
        return now
    }

    @Test("Every call completes, and every step is measured")
    func wholeCalls() throws {
        var traffic = traffic(pairs: 3, rate: 10, seconds: 2)
        var server = server(pairs: 3)
        _ = run(&traffic, &server)
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
        var server = server(pairs: 1)
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
        var server = server(pairs: 1)
        var isFirst = true
        _ = run(&traffic, &server) { outgoing, frames in
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
        var server = server(pairs: 1)
        var candidates = 0
        _ = run(&traffic, &server) { outgoing, frames in
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
        var server = server(pairs: 1)
        var hangUps: [String] = []
        _ = run(&traffic, &server) { outgoing, frames in
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
        var server = server(pairs: pairs)
        let end = run(&traffic, &server) { _, _ in [] }
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
