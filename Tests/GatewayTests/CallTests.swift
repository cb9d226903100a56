import Primitives
import SwiftProtobuf
import Testing
import Wire

@testable import Gateway

/// Calls from socket to socket, through the real services.
@Suite(.timeLimit(.minutes(1))) struct CallTests {
    private func request() -> String { RequestID.random(at: Instant(microseconds: 0)).description }

    /// Waits for a certain event; others before it are skipped.
    private func event(
        _ client: SocketClient, _ isWanted: (WireEvent.OneOf_Event) -> Bool
    ) async throws -> WireEvent.OneOf_Event {
        while true {
            if let event = try await client.event().event, isWanted(event) { return event }
        }
    }

    /// Places a call and answers it.
    private func connect(
        _ ann: SocketClient, _ ben: SocketClient, to user: TestUser
    ) async throws -> WireCall {
        let placed = try await ann.ask(
            10,
            .callInvite(
                .with {
                    $0.clientCallID = request()
                    $0.userID = user.id.description
                    $0.type = .video
                    $0.media.microphone = true
                }))
        let call = placed.ok.call
        guard case .callIncoming = try await event(ben, { if case .callIncoming = $0 { true } else { false } }) else {
            throw RawClient.Ended()
        }
        let accepted = try await ben.ask(
            10,
            .callAccept(
                .with {
                    $0.commandID = request()
                    $0.callID = call.id
                }))
        #expect(accepted.ok.call.status == .ongoing)
        _ = try await event(ann) {
            if case .callChanged(let change) = $0 { change.state.status == .ongoing } else { false }
        }
        return accepted.ok.call
    }

    @Test(arguments: Encoding.allCases, Encoding.allCases)
    func aDirectCallFromTheFirstRingToTheEnd(callers: Encoding, callees: Encoding) async throws {
        try await TestServer.run { server in
            let (annUser, benUser) = (try await server.register("ann"), try await server.register("ben"))
            let (ann, _) = try await SocketClient.connect(server, as: annUser, encoding: callers)
            let (ben, _) = try await SocketClient.connect(server, as: benUser, encoding: callees)
            let placed = try await ann.ask(
                2,
                .callInvite(
                    .with {
                        $0.clientCallID = request()
                        $0.userID = benUser.id.description
                        $0.type = .voice
                        $0.media.microphone = true
                    }))
            let call = placed.ok.call
            #expect(call.status == .initiated && call.type == .voice && call.mediaPath == .peer)
            #expect(call.initiatorID == annUser.id.description)
            #expect(call.participants.map(\.status) == [.connected, .ringing])
            #expect(call.participants.map(\.user.username) == ["ann", "ben"])
            #expect(call.participants.map(\.polite) == [false, true])
            #expect(call.participants[0].deviceID == annUser.device.description)
            #expect(call.participants[0].media.microphone && !call.participants[0].media.camera)
            #expect(call.ringExpiresAt.seconds - call.startedAt.seconds == 45)

            guard case .callIncoming(let incoming)? = try await ben.event().event else {
                Issue.record("no ring")
                return
            }
            #expect(incoming.call == call)
            #expect(try await ben.ask(2, .callRinging(.with { $0.callID = call.id })).ok.call.participants[1].alerted)
            let alerted = try await event(ann) { if case .callChanged = $0 { true } else { false } }
            guard case .callChanged(let change) = alerted else { return }
            #expect(change.shown.map(\.alerted) == [true] && change.baseRevision == call.revision)

            // An early offer waits for the answer.
            try ann.send(
                3,
                .sendDescription(
                    .with {
                        $0.callID = call.id
                        $0.userID = benUser.id.description
                        $0.description_p.type = .offer
                        $0.description_p.sdp = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\n"
                        $0.description_p.peerConnectionID = "pc-1"
                    }))
            let accepted = try await ben.ask(
                3,
                .callAccept(
                    .with {
                        $0.commandID = request()
                        $0.callID = call.id
                    }))
            #expect(accepted.ok.call.status == .ongoing && accepted.ok.call.hasAnsweredAt)
            let offer = try await event(ben) { if case .descriptionReceived = $0 { true } else { false } }
            guard case .descriptionReceived(let received) = offer else { return }
            #expect(received.fromUserID == annUser.id.description && received.callID == call.id)
            #expect(received.description_p.type == .offer && received.description_p.sdp.hasPrefix("v=0\r\n"))
            #expect(received.description_p.peerConnectionID == "pc-1")
            try ben.send(
                4,
                .sendCandidate(
                    .with {
                        $0.callID = call.id
                        $0.userID = annUser.id.description
                        $0.candidate.candidate = "candidate:1 1 udp 1 192.0.2.1 9 typ host"
                        $0.candidate.sdpMid = "0"
                        $0.candidate.usernameFragment = "abcd"
                        $0.candidate.peerConnectionID = "pc-2"
                    }))
            // Answers to commands may come between the events.
            var candidate: WireCandidateReceived?
            while candidate == nil {
                let frame = try await ann.receive()
                if case .candidateReceived(let event)? = frame.event.event { candidate = event }
            }
            #expect(candidate?.candidate.sdpMid == "0" && candidate?.fromUserID == benUser.id.description)

            let ended = try await ann.ask(
                5,
                .callHangUp(
                    .with {
                        $0.commandID = request()
                        $0.callID = call.id
                    }))
            #expect(ended.ok.call.status == .completed && ended.ok.call.endReason == .hangup)

            // Late commands are dropped, and the answer tells the current state.
            let late = try await ann.ask(
                6,
                .sendDescription(
                    .with {
                        $0.callID = call.id
                        $0.userID = benUser.id.description
                        $0.description_p.type = .offer
                        $0.description_p.sdp = "v=0\r\n"
                    }))
            #expect(late.ok.call.status == .completed)
            let acceptLate = try await ann.ask(
                7,
                .callAccept(
                    .with {
                        $0.commandID = request()
                        $0.callID = call.id
                    }))
            #expect(acceptLate.error.code == .callEnded && acceptLate.error.call.status == .completed)
        }
    }

    @Test func eventsAreCountedFromOneOnEachConnection() async throws {
        try await TestServer.run { server in
            let benUser = try await server.register("ben")
            let (ann, _) = try await SocketClient.connect(server, as: server.register("ann"))
            let (ben, _) = try await SocketClient.connect(server, as: benUser)
            for _ in 0..<3 {
                let sent = try await ann.ask(
                    2,
                    .sendMessage(
                        .with {
                            $0.clientMessageID = request()
                            $0.userID = benUser.id.description
                            $0.body = "hello"
                        }))
                #expect(sent.ok.message.body == "hello" && sent.seq == 0)
            }
            for seq in 1...3 as ClosedRange<UInt64> {
                let frame = try await ben.receive()
                #expect(frame.seq == seq && frame.replyTo == 0)
                #expect(frame.event.messageReceived.message.seq == seq)
            }
            let (again, _) = try await SocketClient.connect(server, as: benUser)
            _ = try await ann.ask(
                3,
                .sendMessage(
                    .with {
                        $0.clientMessageID = request()
                        $0.userID = benUser.id.description
                        $0.body = "and again"
                    }))
            #expect(try await again.receive().seq == 1)
        }
    }

    @Test func somebodyElsesCallIsNoCall() async throws {
        try await TestServer.run { server in
            let benUser = try await server.register("ben")
            let (ann, _) = try await SocketClient.connect(server, as: server.register("ann"))
            let (ben, _) = try await SocketClient.connect(server, as: benUser)
            let (eve, _) = try await SocketClient.connect(server, as: server.register("eve"))
            let call = try await connect(ann, ben, to: benUser)
            let known = try await eve.ask(2, .callFetch(.with { $0.callID = call.id }))
            let unknown = try await eve.ask(
                3, .callFetch(.with { $0.callID = CallID.random(at: server.clock.now()).description }))
            #expect(known.error.code == .notFound && !known.error.hasCall)
            #expect(known.error == unknown.error)
            let spied = try await eve.ask(
                4,
                .sendDescription(
                    .with {
                        $0.callID = call.id
                        $0.userID = benUser.id.description
                        $0.description_p.type = .offer
                        $0.description_p.sdp = "v=0\r\n"
                    }))
            #expect(spied.error == known.error)
            #expect(try await ann.isAlive())
        }
    }

    @Test func aDeviceThatComesBackIsShownItsCalls() async throws {
        try await TestServer.run { server in
            let (annUser, benUser) = (try await server.register("ann"), try await server.register("ben"))
            let (ann, _) = try await SocketClient.connect(server, as: annUser)
            let (ben, _) = try await SocketClient.connect(server, as: benUser)
            let call = try await connect(ann, ben, to: benUser)
            ben.raw.close()
            let lost = try await event(ann) {
                if case .callChanged(let change) = $0 { change.shown.first?.reconnecting == true } else { false }
            }
            guard case .callChanged = lost else { return }
            let (_, welcome) = try await SocketClient.connect(server, as: benUser)
            #expect(welcome.calls.map(\.id) == [call.id])
            _ = try await event(ann) {
                if case .callChanged(let change) = $0 { change.shown.first?.reconnecting == false } else { false }
            }
        }
    }

    @Test func aDeviceThatComesWhileItRingsRings() async throws {
        try await TestServer.run { server in
            let benUser = try await server.register("ben")
            let (ann, _) = try await SocketClient.connect(server, as: server.register("ann"))
            let placed = try await ann.ask(
                2,
                .callInvite(
                    .with {
                        $0.clientCallID = request()
                        $0.userID = benUser.id.description
                        $0.type = .voice
                    }))
            let (ben, welcome) = try await SocketClient.connect(server, as: benUser)
            #expect(welcome.calls.map(\.id) == [placed.ok.call.id])
            let ring = try await event(ben) { if case .callIncoming = $0 { true } else { false } }
            guard case .callIncoming(let incoming) = ring else { return }
            #expect(incoming.call.id == placed.ok.call.id)
        }
    }

    @Test func aReplacedSocketLosesNoCall() async throws {
        try await TestServer.run { server in
            let (annUser, benUser) = (try await server.register("ann"), try await server.register("ben"))
            let (ann, _) = try await SocketClient.connect(server, as: annUser)
            let (ben, _) = try await SocketClient.connect(server, as: benUser)
            let call = try await connect(ann, ben, to: benUser)
            let (newer, welcome) = try await SocketClient.connect(server, as: benUser)
            #expect(try await ben.closeCode() == 4503)
            #expect(welcome.calls.map(\.id) == [call.id])
            let fetched = try await newer.ask(2, .callFetch(.with { $0.callID = call.id }))
            #expect(fetched.ok.call.participants.allSatisfy { $0.status == .connected && !$0.reconnecting })
        }
    }

    @Test func onlyFailuresAreAnsweredWhenNoAnswerIsAskedFor() async throws {
        try await TestServer.run { server in
            let benUser = try await server.register("ben")
            let (ann, _) = try await SocketClient.connect(server, as: server.register("ann"))
            let (ben, _) = try await SocketClient.connect(server, as: benUser)
            let call = try await connect(ann, ben, to: benUser)
            try ann.send(0, .callSetMedia(.with { $0.callID = call.id }))
            try ann.send(0, .ping(.init()))
            try ann.send(0, .callFetch(.with { $0.callID = "?" }))
            // Besides the failure there is the event of the change, which the device has to get.
            var frame = try await ann.receive()
            if case .event(let event) = frame.body {
                #expect(event.callUpdated.call.id == call.id)
                frame = try await ann.receive()
            }
            #expect(frame.replyTo == 0 && frame.error.code == .invalid)
        }
    }

    @Test func everyFieldIsChecked() async throws {
        try await TestServer.run { server in
            let user = try await server.register("ann")
            let (ann, _) = try await SocketClient.connect(server, as: user)
            let call = CallID.random(at: server.clock.now()).description
            func refused(_ code: WireErrorCode, _ command: WireClientFrame.OneOf_Command) async throws {
                #expect(try await ann.ask(5, command).error.code == code, "\(command)")
            }
            let invite = WireCallInvite.with {
                $0.clientCallID = request()
                $0.userID = user.id.description
                $0.type = .voice
            }
            func changed(_ change: (inout WireCallInvite) -> Void) -> WireClientFrame.OneOf_Command {
                var invite = invite
                change(&invite)
                return .callInvite(invite)
            }
            try await refused(.forbidden, .callInvite(invite))
            try await refused(.invalid, changed { $0.clientCallID = "1" })
            try await refused(.invalid, changed { $0.userID = "" })
            try await refused(.invalid, changed { $0.type = .unspecified })
            try await refused(.invalid, changed { $0.type = .UNRECOGNIZED(9) })
            try await refused(.notFound, changed { $0.userID = request() })
            try await refused(.invalid, .callAccept(.with { $0.callID = call }))
            try await refused(.invalid, .callHangUp(.with { $0.commandID = request() }))

            let description = WireSendDescription.with {
                $0.callID = call
                $0.userID = user.id.description
                $0.description_p.type = .offer
                $0.description_p.sdp = "v=0"
            }
            func described(_ change: (inout WireDescription) -> Void) -> WireClientFrame.OneOf_Command {
                var command = description
                change(&command.description_p)
                return .sendDescription(command)
            }
            try await refused(.notFound, .sendDescription(description))
            try await refused(.notFound, described { $0.sdp = String(repeating: "a", count: 65_536) })
            try await refused(.tooLarge, described { $0.sdp = String(repeating: "a", count: 65_537) })
            try await refused(.invalid, described { $0.sdp = "" })
            try await refused(.invalid, described { $0.type = .unspecified })
            try await refused(.tooLarge, described { $0.peerConnectionID = String(repeating: "a", count: 65) })

            let candidate = WireSendCandidate.with {
                $0.callID = call
                $0.userID = user.id.description
            }
            func gathered(_ change: (inout WireCandidate) -> Void) -> WireClientFrame.OneOf_Command {
                var command = candidate
                change(&command.candidate)
                return .sendCandidate(command)
            }
            try await refused(.notFound, .sendCandidate(candidate))
            try await refused(.tooLarge, gathered { $0.candidate = String(repeating: "a", count: 2049) })
            try await refused(.tooLarge, gathered { $0.sdpMid = String(repeating: "a", count: 257) })
            try await refused(.tooLarge, gathered { $0.usernameFragment = String(repeating: "a", count: 257) })
            try await refused(.invalid, gathered { $0.sdpMLineIndex = .max })

            let message = WireSendMessage.with {
                $0.clientMessageID = request()
                $0.conversationID = request()
                $0.body = "hi"
            }
            func written(_ change: (inout WireSendMessage) -> Void) -> WireClientFrame.OneOf_Command {
                var command = message
                change(&command)
                return .sendMessage(command)
            }
            try await refused(.notFound, .sendMessage(message))
            try await refused(.tooLarge, written { $0.body = String(repeating: "a", count: 16_385) })
            try await refused(.invalid, written { $0.body = "" })
            try await refused(.invalid, written { $0.target = nil })
            try await refused(.invalid, written { $0.clientMessageID = "x" })
            try await refused(.notFound, written { $0.userID = request() })
            #expect(try await ann.isAlive())
        }
    }
}
