import Primitives
import SwiftProtobuf
import Wire

@testable import loadtest

/// A tiny server for tests: it answers the commands of calls at once.
struct TinyServer {
    /// Frames and the sockets they go to.
    typealias Answer = [(socket: Int, frame: WireServerFrame)]

    /// The sockets of the users: of pair number 3, `a3` and `b3`.
    let places: [String: Int]
    var calls: [String: WireCall] = [:]

    /// Makes a server with the users of so many pairs.
    init(pairs: Int) {
        var places: [String: Int] = [:]
        for (pair, users) in Self.users(pairs).enumerated() {
            places[users.first] = pair * 2
            places[users.second] = pair * 2 + 1
        }
        self.places = places
    }

    static func users(_ pairs: Int) -> [UserPair] {
        (0..<pairs).map { UserPair(first: "a\($0)", second: "b\($0)") }
    }

    /// Runs traffic against this server in virtual time, and returns when it ended; each frame of the server comes a
    /// millisecond after its cause.
    /// - Parameter change: What arrives, instead of what the server says.
    mutating func serve(
        _ traffic: inout some Traffic, from start: Instant, change: (Outgoing, Answer) -> Answer = { $1 }
    ) -> Instant {
        var now = start
        for _ in 0..<100_000 where !traffic.isFinished {
            traffic.advance(now: now)
            var outbox = traffic.takeOutbox()
            while !outbox.isEmpty {
                now = now + .milliseconds(1)
                for outgoing in outbox {
                    for (socket, frame) in change(outgoing, answer(outgoing)) {
                        traffic.received(frame, on: socket, now: now)
                    }
                }
                outbox = traffic.takeOutbox()
            }
            now = max(now, traffic.nextWake)
        }
        return now
    }

    /// The result of a command.
    mutating func answer(_ outgoing: Outgoing) -> Answer {
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

    private func told(_ id: String, _ outgoing: Outgoing) -> Answer {
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
