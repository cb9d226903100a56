import Primitives
import SwiftProtobuf
import Testing
import Wire

@testable import loadtest

@Suite("Standing calls")
struct StandingCallsTests {
    private let start = Instant(microseconds: 5_000_000)

    private func calls(pairs: Int) -> StandingCalls {
        StandingCalls(pairs: TinyServer.users(pairs), timeout: .seconds(2), seed: 7, now: start)
    }

    @Test("Every call is established and hung up, a limited number at a time")
    func whole() {
        var calls = calls(pairs: StandingCalls.width * 2 + 1)
        var server = TinyServer(pairs: StandingCalls.width * 2 + 1)
        var pendingInvites = 0
        _ = server.serve(&calls, from: start) { outgoing, answer in
            if case .callInvite? = outgoing.frame.command { pendingInvites += 1 }
            if case .callAccept? = outgoing.frame.command { pendingInvites -= 1 }
            #expect(pendingInvites <= StandingCalls.width)
            return answer
        }
        #expect(calls.isFinished)
        #expect(Set(calls.ongoing.compactMap(\.self)) == Set(server.calls.keys))
        #expect(server.calls.count == StandingCalls.width * 2 + 1)
        #expect(server.calls.values.allSatisfy { $0.status == .ongoing })
        #expect(Set(server.calls.values.map(\.clientCallID)).count == server.calls.count)
        calls.hangUp()
        #expect(!calls.isFinished)
        _ = server.serve(&calls, from: start)
        #expect(calls.isFinished)
        #expect(server.calls.values.allSatisfy { $0.status == .completed })
        #expect(calls.statistics.completed == server.calls.count)
        #expect(calls.statistics.errors.isEmpty)
    }

    /// What goes wrong with the call of the first pair.
    enum Mishap: String, CaseIterable {
        case inviteRefused
        case inviteUnanswered
        case inviteAnsweredWithAnotherCall
        case notRung
        case acceptRefused
        case acceptUnanswered
        case callerNotTold
        case endedAtOnce

        /// What arrives instead of the server's answer.
        func change(_ outgoing: Outgoing, _ answer: TinyServer.Answer) -> TinyServer.Answer {
            guard outgoing.socket < 2 else { return answer }
            let refusal: TinyServer.Answer = [(outgoing.socket, TinyServer.error(.unavailable, to: outgoing.frame.id))]
            switch (self, outgoing.frame.command) {
            case (.inviteRefused, .callInvite?), (.acceptRefused, .callAccept?): return refusal
            case (.inviteUnanswered, .callInvite?), (.callerNotTold, .callAccept?):
                return answer.filter { $0.socket != 0 }
            case (.notRung, .callInvite?), (.acceptUnanswered, .callAccept?): return answer.filter { $0.socket != 1 }
            case (.inviteAnsweredWithAnotherCall, .callInvite?):
                let other = WireCall.with { $0.id = "another" }
                return [(0, TinyServer.ok(other, to: outgoing.frame.id))]
            case (.endedAtOnce, .callAccept?):
                let ended = TinyServer.event {
                    $0.callChanged.callID = outgoing.frame.callAccept.callID
                    $0.callChanged.state.status = .completed
                }
                return [(1, ended)]
            default: return answer
            }
        }
    }

    /// The error that a mishap causes, and the call that is hung up nevertheless.
    private static let outcomes: [Mishap: (code: String, hungUp: String?)] = [
        .inviteRefused: ("unavailable", nil),
        .inviteUnanswered: ("timeout", "call-0"),
        .inviteAnsweredWithAnotherCall: ("other_call", "another"),
        .notRung: ("timeout", "call-0"),
        .acceptRefused: ("unavailable", "call-0"),
        .acceptUnanswered: ("timeout", "call-0"),
        .callerNotTold: ("timeout", "call-0"),
        .endedAtOnce: ("ended_early", nil),
    ]

    @Test("A call that is not known to both sides is not used, but hung up", arguments: Mishap.allCases)
    func mishaps(mishap: Mishap) throws {
        let (code, hungUp) = try #require(Self.outcomes[mishap])
        var calls = calls(pairs: 2)
        var server = TinyServer(pairs: 2)
        let end = server.serve(&calls, from: start, change: mishap.change)
        #expect(calls.isFinished)
        #expect(end - start <= .milliseconds(2200))
        #expect(calls.ongoing == [nil, "call-1"])
        #expect(calls.statistics.errors == [code: 1])
        calls.hangUp()
        var hangUps: [String] = []
        _ = server.serve(&calls, from: end) { outgoing, answer in
            hangUps.append(outgoing.frame.callHangUp.callID)
            // The server says nothing of a call that it does not know.
            guard outgoing.frame.callHangUp.callID == "another" else { return answer }
            return [(outgoing.socket, TinyServer.ok(WireCall(), to: outgoing.frame.id))]
        }
        #expect(calls.isFinished)
        #expect(hangUps == [hungUp, "call-1"].compactMap(\.self))
        #expect(calls.statistics.errors == [code: 1])
    }

    @Test("The call of an invite that is answered too late is hung up with the others")
    func lateAnswer() throws {
        var calls = calls(pairs: 1)
        calls.advance(now: start)
        let invite = try #require(calls.takeOutbox().first)
        calls.advance(now: start + .milliseconds(1999))
        #expect(!calls.isFinished)
        calls.advance(now: start + .milliseconds(2100))
        #expect(calls.isFinished)
        calls.received(TinyServer.ok(.with { $0.id = "late" }, to: invite.frame.id), on: 0, now: start)
        calls.hangUp()
        calls.advance(now: start + .seconds(3))
        #expect(calls.takeOutbox().map(\.frame.callHangUp.callID) == ["late"])
    }

    @Test("A hang-up is tried again when it may succeed, and given up in time", arguments: [true, false])
    func refusedHangUp(isRetryable: Bool) throws {
        var calls = calls(pairs: 1)
        var server = TinyServer(pairs: 1)
        _ = server.serve(&calls, from: start)
        calls.hangUp()
        var hangUps: [Outgoing] = []
        let end = server.serve(&calls, from: start) { outgoing, answer in
            hangUps.append(outgoing)
            var refusal = TinyServer.error(.rateLimited, to: outgoing.frame.id)
            refusal.error.retryable = isRetryable
            refusal.error.retryAfterMs = 250
            return hangUps.count == 3 ? answer : [(outgoing.socket, refusal)]
        }
        #expect(calls.isFinished)
        #expect(hangUps.count == (isRetryable ? 3 : 1))
        #expect(Set(hangUps.map(\.frame.callHangUp.commandID)).count == 1)
        #expect(calls.statistics.errors == (isRetryable ? [:] : ["rate_limited": 1]))
        #expect(end - start >= .milliseconds(isRetryable ? 500 : 0))
    }

    @Test("A hang-up that is never answered is given up")
    func unansweredHangUp() {
        var calls = calls(pairs: 1)
        var server = TinyServer(pairs: 1)
        _ = server.serve(&calls, from: start)
        calls.hangUp()
        let end = server.serve(&calls, from: start) { _, _ in [] }
        #expect(calls.isFinished)
        #expect(end - start <= .milliseconds(2200))
        #expect(calls.statistics.errors == ["timeout": 1])
    }

    @Test("A pair that loses a socket is counted once, whatever its call has come to", arguments: [0, 1, 2, 3])
    func loss(stage: Int) {
        var calls = calls(pairs: 2)
        var server = TinyServer(pairs: 2)
        if stage == 1 { calls.advance(now: start) }
        if stage >= 2 { _ = server.serve(&calls, from: start) }
        if stage == 3 {
            calls.hangUp()
            calls.advance(now: start)
        }
        calls.lost(socket: 1, code: "socket_lost", now: start)
        calls.lost(socket: 0, code: "socket_lost", now: start)
        #expect(calls.statistics.errors == ["socket_lost": 1])
        #expect(calls.ongoing[0] == nil)
        calls.lost(socket: 2, code: "socket_lost", now: start)
        #expect(calls.statistics.errors == ["socket_lost": 2])
        calls.advance(now: start)
        #expect(calls.isFinished)
    }
}
