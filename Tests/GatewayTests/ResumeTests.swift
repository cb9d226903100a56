import Accounts
import NIOConcurrencyHelpers
import Primitives
import SwiftProtobuf
import Testing
import Wire

@testable import Delivery
@testable import Gateway

/// Losing a socket and coming back, over real sockets.
@Suite(.timeLimit(.minutes(1))) struct ResumeTests {
    private func resume(_ welcome: WireWelcome, after seq: UInt64) -> WireResume {
        .with {
            $0.token = welcome.resumeToken
            $0.lastSeq = seq
        }
    }

    /// Drops a connection without a word, and waits until the server has noticed.
    private func lose(_ client: SocketClient, of user: TestUser, _ server: TestServer) async throws {
        client.raw.close()
        try await wait(while: { server.registry.connectedDevices(of: user.id).contains(user.device) })
    }

    /// Sends an event to a user as the services do.
    private func deliver(_ number: Int, to user: TestUser, _ server: TestServer, length: Int = 0) {
        let event = WireEvent.with {
            $0.messageReceived.message.seq = UInt64(number)
            $0.messageReceived.message.body = String(repeating: "x", count: length)
        }
        server.registry.deliver(event, to: [.user(user.id)])
    }

    /// The place and the number of the next event.
    private func event(_ client: SocketClient) async throws -> (seq: UInt64, number: Int) {
        let frame = try await client.receive()
        guard case .messageReceived(let received)? = frame.event.event else {
            Issue.record("no message but \(frame)")
            throw RawClient.Ended()
        }
        return (frame.seq, Int(received.message.seq))
    }

    @Test(arguments: Encoding.allCases)
    func aMessageAndACallThatCameMeanwhileComeOnceAndInOrder(encoding: Encoding) async throws {
        try await TestServer.run { server in
            let (ann, ben) = (try await server.register("ann"), try await server.register("ben"))
            let (annSocket, _) = try await SocketClient.connect(server, as: ann)
            let (first, welcome) = try await SocketClient.connect(server, as: ben, encoding: encoding)
            #expect(!welcome.recovered && welcome.resumeLifetimeMs == 60_000)
            try await say("before", to: ben, annSocket, id: 2)
            #expect(try await first.receive().seq == 1)
            try await lose(first, of: ben, server)
            try await say("meanwhile", to: ben, annSocket, id: 3)
            let placed = try await annSocket.ask(
                4,
                .callInvite(
                    .with {
                        $0.clientCallID = RequestID.random(at: server.clock.now()).description
                        $0.userID = ben.id.description
                        $0.type = .voice
                    }))
            #expect(placed.ok.call.status == .initiated)
            let (again, welcomeBack) = try await SocketClient.connect(
                server, as: ben, encoding: encoding, resume: resume(welcome, after: 1))
            #expect(welcomeBack.recovered && welcomeBack.resumeToken == welcome.resumeToken)
            // The calls are told as they are now, whether or not they have changed.
            #expect(welcomeBack.calls == [placed.ok.call])
            let message = try await again.receive()
            #expect(message.seq == 2 && message.event.messageReceived.message.body == "meanwhile")
            let ring = try await again.receive()
            #expect(ring.seq == 3 && ring.event.callIncoming.call == placed.ok.call)
            // A device that connects while it rings is rung; no event is sent twice.
            let ringAgain = try await again.receive()
            #expect(ringAgain.seq == 4 && ringAgain.event.callIncoming.call == placed.ok.call)
            try await say("afterwards", to: ben, annSocket, id: 5)
            let live = try await again.receive()
            #expect(live.seq == 5 && live.event.messageReceived.message.body == "afterwards")
        }
    }

    private func say(_ text: String, to user: TestUser, _ client: SocketClient, id: UInt32) async throws {
        let answer = try await client.ask(
            id,
            .sendMessage(
                .with {
                    $0.clientMessageID = RequestID.random(at: Instant(microseconds: 0)).description
                    $0.userID = user.id.description
                    $0.body = text
                }))
        #expect(answer.ok.message.body == text)
    }

    @Test func whoMissedTooMuchGetsTheSnapshotAndNoPart() async throws {
        try await TestServer.run { server in
            let ben = try await server.register("ben")
            let (first, welcome) = try await SocketClient.connect(server, as: ben)
            try await lose(first, of: ben, server)
            for number in 1...257 { deliver(number, to: ben, server) }
            let (again, welcomeBack) = try await SocketClient.connect(
                server, as: ben, resume: resume(welcome, after: 0))
            #expect(!welcomeBack.recovered && welcomeBack.resumeToken != welcome.resumeToken)
            deliver(258, to: ben, server)
            #expect(try await event(again) == (1, 258))
            try await lose(again, of: ben, server)
            for number in 1...256 { deliver(number, to: ben, server) }
            let (third, recovered) = try await SocketClient.connect(
                server, as: ben, resume: resume(welcomeBack, after: 1))
            #expect(recovered.recovered)
            for number in 1...256 { #expect(try await event(third) == (UInt64(number) + 1, number)) }
            let metrics = server.gateway.services.metrics.families.map(\.exposition).joined()
            #expect(metrics.contains(#"ringback_socket_admissions_total{outcome="new"} 1"#))
            #expect(metrics.contains(#"ringback_socket_admissions_total{outcome="resumed"} 1"#))
            #expect(
                metrics.contains(
                    #"ringback_socket_admissions_total{outcome="snapshot",reason="missed_too_much"} 1"#))
        }
    }

    @Test func whoHasNoRightToResumeBeginsAnew() async throws {
        try await TestServer.run { server in
            let (ann, ben) = (try await server.register("ann"), try await server.register("ben"))
            let bensPhone = try await server.logIn("ben")
            let (annSocket, annsWelcome) = try await SocketClient.connect(server, as: ann)
            let (phone, phonesWelcome) = try await SocketClient.connect(server, as: bensPhone)

            /// Comes back with a made-up claim, and gets nothing that was meant for another device.
            func refused(
                as user: TestUser = ben, from encoding: Encoding = .json,
                _ claim: (WireWelcome) -> WireResume
            ) async throws {
                let (first, welcome) = try await SocketClient.connect(server, as: ben)
                try await lose(first, of: ben, server)
                for number in 1...3 { deliver(number, to: ben, server) }
                let (again, welcomeBack) = try await SocketClient.connect(
                    server, as: user, encoding: encoding, resume: claim(welcome))
                #expect(!welcomeBack.recovered && welcomeBack.resumeToken != welcome.resumeToken)
                deliver(4, to: user, server)
                #expect(try await event(again) == (1, 4))
                try await lose(again, of: user, server)
            }
            try await refused { _ in .with { $0.token = "" } }
            try await refused { _ in .with { $0.token = String(repeating: "a", count: 15_000) } }
            try await refused { resume($0, after: 4) }
            try await refused { resume($0, after: .max) }
            try await refused(from: .protobuf) { resume($0, after: 1) }
            try await refused { _ in resume(annsWelcome, after: 0) }
            try await refused { _ in resume(phonesWelcome, after: 0) }
            // Another user and another device with this device's valid token.
            let carl = try await server.register("carl")
            try await refused(as: carl) { resume($0, after: 0) }
            let tablet = try await server.logIn("ben")
            try await refused(as: tablet) { resume($0, after: 0) }
            // The same device, logged in once more.
            let (first, welcome) = try await SocketClient.connect(server, as: ben)
            let relogged = try await server.logIn("ben", device: ben.device)
            #expect(try await first.closeCode() == 4502)
            let (again, welcomeBack) = try await SocketClient.connect(
                server, as: relogged, resume: resume(welcome, after: 0))
            #expect(!welcomeBack.recovered)
            #expect(try await again.isAlive())
            #expect(try await annSocket.isAlive())
            #expect(try await phone.isAlive())
        }
    }

    @Test func twoThatResumeAtOnceBothHaveEverythingAndOneStays() async throws {
        try await TestServer.run { server in
            let ben = try await server.register("ben")
            let (first, welcome) = try await SocketClient.connect(server, as: ben)
            try await lose(first, of: ben, server)
            for number in 1...20 { deliver(number, to: ben, server) }
            let second = try await SocketClient.open(server)
            let third = try await SocketClient.open(server)
            second.hello(ben, resume: resume(welcome, after: 0))
            third.hello(ben, resume: resume(welcome, after: 0))

            /// What a socket receives until it is closed or everything is there.
            func all(_ client: SocketClient) async throws -> (numbers: [Int], code: UInt16?) {
                var numbers: [Int] = []
                while numbers.count < 20 {
                    let frame = try await client.frame()
                    if let code = frame.closeCode { return (numbers, code) }
                    let decoded = try client.encoding.decode(WireServerFrame.self, from: frame.payload)
                    if case .event(let event)? = decoded.body {
                        numbers.append(Int(event.messageReceived.message.seq))
                        #expect(decoded.seq == UInt64(numbers.count))
                    } else {
                        #expect(decoded.ok.welcome.recovered)
                    }
                }
                return (numbers, nil)
            }
            let outcomes = [try await all(second), try await all(third)]
            // The one admitted first may be closed before it was welcomed, or at any point on its way.
            #expect(outcomes.contains { $0.numbers == Array(1...20) && $0.code == nil })
            for outcome in outcomes {
                #expect(outcome.numbers == Array(1...20).prefix(outcome.numbers.count).map(\.self))
                #expect(outcome.code == nil || outcome.code == 4503)
            }
            #expect(server.registry.connectedDevices(of: ben.id) == [ben.device])
            #expect(server.registry.count == 1)
        }
    }

    @Test func aSocketThatTakesThePlaceOfItsOlderOneGoesOnWithItsWindow() async throws {
        try await TestServer.run { server in
            let ben = try await server.register("ben")
            let (older, welcome) = try await SocketClient.connect(server, as: ben)
            for number in 1...3 { deliver(number, to: ben, server) }
            #expect(try await event(older) == (1, 1))
            let (newer, welcomeBack) = try await SocketClient.connect(
                server, as: ben, resume: resume(welcome, after: 1))
            #expect(try await older.closeCode() == 4503)
            #expect(welcomeBack.recovered)
            deliver(4, to: ben, server)
            for number in 2...4 { #expect(try await event(newer) == (UInt64(number), number)) }
        }
    }

    @Test func everythingComesOnceHoweverOftenTheSocketIsLost() async throws {
        try await TestServer.run { server in
            let ben = try await server.register("ben")
            var (client, welcome) = try await SocketClient.connect(server, as: ben)
            let seen = NIOLockedValueBox<UInt64>(0)
            let last: UInt64 = 3000
            let sender = Task {
                for number in 1...last {
                    // Far enough ahead that events come at every stage of resuming, but never leave the window.
                    while seen.withLockedValue({ $0 + 200 < number }), !Task.isCancelled { await Task.yield() }
                    deliver(Int(number), to: ben, server)
                }
            }
            defer { sender.cancel() }
            var lastSeq: UInt64 = 0
            var losses = 0
            while lastSeq < last {
                // Now a few, now many.
                for _ in 0..<min(UInt64(losses * 61 % 150) + 1, last - lastSeq) {
                    let (seq, number) = try await event(client)
                    #expect(seq == lastSeq + 1 && number == Int(seq))
                    lastSeq = seq
                    seen.withLockedValue { $0 = seq }
                }
                client.raw.close()
                losses += 1
                (client, welcome) = try await SocketClient.connect(
                    server, as: ben, resume: resume(welcome, after: lastSeq))
                try #require(welcome.recovered)
            }
            #expect(losses > 15)
        }
    }

    @Test func whoWasTooSlowComesBackToTheRest() async throws {
        try await TestServer.run(.with { $0.limits.outboundBytes = 64 * 1024 }) { server in
            let ann = try await server.register("ann")
            let (slow, welcome) = try await SocketClient.connect(server, as: ann, receiveBuffer: 4096)
            try await slow.raw.pauseReading()
            var sent = 0
            while !server.registry.connectedDevices(of: ann.id).isEmpty {
                sent += 1
                deliver(sent, to: ann, server, length: 16_000)
                // Each is written before the next one comes, so that little is queued at the end.
                while server.gateway.services.metrics.events.value < sent,
                    !server.registry.connectedDevices(of: ann.id).isEmpty
                { await Task.yield() }
            }
            for _ in 0..<10 {
                sent += 1
                deliver(sent, to: ann, server)
            }
            try await slow.raw.resumeReading()
            var lastSeq: UInt64 = 0
            while true {
                let frame = try await slow.frame()
                if let code = frame.closeCode {
                    #expect(code == 4002)
                    break
                }
                let decoded = try slow.encoding.decode(WireServerFrame.self, from: frame.payload)
                #expect(decoded.seq == lastSeq + 1)
                lastSeq = decoded.seq
            }
            let (again, welcomeBack) = try await SocketClient.connect(
                server, as: ann, resume: resume(welcome, after: lastSeq))
            #expect(welcomeBack.recovered && lastSeq < UInt64(sent))
            for seq in lastSeq + 1...UInt64(sent) { #expect(try await event(again) == (seq, Int(seq))) }
        }
    }

    @Test func anAckBeforeTheWelcomeIsOfAnotherCount() async throws {
        try await TestServer.run { server in
            let ben = try await server.register("ben")
            let (first, welcome) = try await SocketClient.connect(server, as: ben)
            try await lose(first, of: ben, server)
            for number in 1...4 { deliver(number, to: ben, server) }

            /// Comes back after two events, with a ping that acknowledges four.
            func comeBack(pingAtOnce: Bool) async throws -> Bool {
                let client = try await SocketClient.open(server)
                let hello = WireClientFrame.with {
                    $0.id = 1
                    $0.hello.accessToken = ben.token
                    $0.hello.device.id = ben.device.description
                    $0.hello.resume = resume(welcome, after: 2)
                }
                let ping = WireClientFrame.with {
                    $0.id = 2
                    $0.ack = 4
                    $0.ping = .init()
                }
                let frames = try [hello, ping].map { SocketClient.bytes(opcode: 1, try Encoding.json.encode($0)) }
                // In one segment, so that the ping is there before the welcome.
                client.raw.send(pingAtOnce ? frames[0] + frames[1] : frames[0])
                let isRecovered = try await client.receive().ok.welcome.recovered
                if isRecovered {
                    for seq in 3...4 as ClosedRange<UInt64> { #expect(try await event(client).seq == seq) }
                }
                if !pingAtOnce { client.raw.send(frames[1]) }
                #expect(try await client.receive().replyTo == 2)
                try await lose(client, of: ben, server)
                return isRecovered
            }
            #expect(try await comeBack(pingAtOnce: true))
            #expect(try await comeBack(pingAtOnce: false))
            // That ack counted: the events after the second are no longer kept.
            #expect(try await !comeBack(pingAtOnce: false))
        }
    }

    @Test func whoIsSignedOutLeavesNothingBehind() async throws {
        try await TestServer.run { server in
            let ben = try await server.register("ben")
            let (first, welcome) = try await SocketClient.connect(server, as: ben)
            try await lose(first, of: ben, server)
            deliver(1, to: ben, server)
            #expect(server.registry.sessions[ben.id] == [ben.credentials.session])
            try await server.accounts.logOut(try await server.accounts.authenticate(ben.credentials.accessToken))
            #expect(server.registry.sessions.isEmpty)
            let refused = try await SocketClient.open(server)
            refused.hello(ben, resume: resume(welcome, after: 0))
            #expect(try await refused.receive().error.code == .unauthenticated)
            #expect(try await refused.closeCode() == 4501)
            // A device that is connected when it happens leaves nothing behind, either.
            let relogged = try await server.logIn("ben")
            let (open, _) = try await SocketClient.connect(server, as: relogged)
            try await server.accounts.logOut(try await server.accounts.authenticate(relogged.credentials.accessToken))
            #expect(try await open.closeCode() == 4502)
            try await wait(while: { !server.registry.sessions.isEmpty })
        }
    }
}
