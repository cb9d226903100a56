import Accounts
import Foundation
import Glibc
import Logging
import NIOConcurrencyHelpers
import NIOCore
import NIOEmbedded
import NIOPosix
import Primitives
import Testing
import Wire

@testable import Gateway

/// Connections before any request: where they come from, how many are allowed, and who has descriptors.
@Suite(.timeLimit(.minutes(1))) struct ConnectionTests {
    private static let healthz = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"

    private func registration(_ name: String) -> String {
        let device = DeviceID.random(at: Instant(microseconds: 0))
        let body = #"{"username":"\#(name)","password":"correct horse","device":{"id":"\#(device)"}}"#
        return "POST /v1/accounts HTTP/1.1\r\nHost: a\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    /// Sends a request and resets the connection, usually before the server has accepted it.
    private func sendAndReset(_ request: String, port: Int) throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let status = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(status == 0)
        let bytes = Array(request.utf8)
        _ = unsafe bytes.withUnsafeBytes { unsafe Glibc.send(descriptor, $0.baseAddress, $0.count, 0) }
        var atOnce = linger(l_onoff: 1, l_linger: 0)
        _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &atOnce, socklen_t(MemoryLayout<linger>.size))
    }

    @Test func whoResetsTheConnectionIsCounted() async throws {
        try await TestServer.run(attempts: AttemptLimits(perUsername: 100, perAddress: 5)) { server in
            let ann = try await server.register("ann")
            let metrics = server.gateway.services.metrics
            for number in 1...60 {
                let (seen, refused) = (metrics.requests.value, metrics.refusals(.reset))
                try sendAndReset(registration("reset\(number)"), port: server.port)
                // One of the two counts it, unless the reset came between the head and its reading.
                for _ in 1...200 where metrics.requests.value == seen && metrics.refusals(.reset) == refused {
                    await Task.yield()
                }
            }
            // No reset connection had an unknown address: Ann alone used the limit that clients without an address
            // share.
            // Passwords are hashed in turn, so those of the others are hashed before her last one.
            for _ in 1...4 { _ = try await server.logIn("ann") }
            for _ in 1...50 {
                let made = try await server.accounts.search(query: "reset", by: ann.id, limit: 50)
                #expect(made.count <= 5)
            }
        }
    }

    @Test func aSocketThatIsResetGivesItsPlaceBack() async throws {
        try await TestServer.run(.with { $0.limits.socketsPerAddress = 1 }) { server in
            let metrics = server.gateway.services.metrics
            for _ in 1...20 {
                let raw = try await RawClient.connect(port: server.port)
                try await raw.sendAndReset(SocketClient.upgrade())
                try await wait(while: { metrics.plainConnections.value > 0 || metrics.sockets.value > 0 })
            }
            func open() async throws -> (raw: RawClient, status: Int) {
                let raw = try await RawClient.connect(port: server.port)
                raw.send(SocketClient.upgrade())
                return (raw, try await raw.response().status)
            }
            // The last of those may not be accepted yet.
            var only = try await open()
            while only.status == 429 { only = try await open() }
            #expect(only.status == 101)
            #expect(try await open().status == 429)
            only.raw.close()
        }
    }

    @Test func anAddressHasSoManyPlainConnectionsAndNoMore() async throws {
        try await TestServer.run(.with { $0.limits.plainConnectionsPerAddress = 3 }) { server in
            let metrics = server.gateway.services.metrics
            // A connection that became a socket is not one of them.
            let socket = try await SocketClient.open(server)
            var idle: [RawClient] = []
            for _ in 1...3 {
                let raw = try await RawClient.connect(port: server.port)
                raw.send(Self.healthz)
                #expect(try await raw.response().status == 200)
                idle.append(raw)
            }
            #expect(metrics.plainConnections.value == 3)
            let surplus = try await RawClient.connect(port: server.port)
            #expect(await surplus.readToEnd() == "")
            #expect(
                metrics.families.map(\.exposition).joined().contains(
                    "ringback_connections_refused_total{reason=\"address\"} 1\n"))
            // Another address is served, and the existing connections stay.
            let other = try await RawClient.connect(port: server.port, from: "127.0.0.2")
            other.send(Self.healthz)
            #expect(try await other.response().status == 200)
            idle[0].send(Self.healthz)
            #expect(try await idle[0].response().status == 200)
            // A connection that ends makes room.
            idle[1].close()
            try await wait(while: { metrics.plainConnections.value > 3 })
            let next = try await RawClient.connect(port: server.port)
            next.send(Self.healthz)
            #expect(try await next.response().status == 200)
            socket.raw.close()
        }
    }

    @Test func thereAreSoManyPlainConnectionsInAllAndNoMore() async throws {
        try await TestServer.run(.with { $0.limits.plainConnections = 2 }) { server in
            var served: [RawClient] = []
            for address in ["127.0.0.1", "127.0.0.2"] {
                let raw = try await RawClient.connect(port: server.port, from: address)
                raw.send(Self.healthz)
                #expect(try await raw.response().status == 200)
                served.append(raw)
            }
            let surplus = try await RawClient.connect(port: server.port, from: "127.0.0.3")
            #expect(await surplus.readToEnd() == "")
            #expect(server.gateway.services.metrics.refusals(.total) == 1)
            served[0].send(Self.healthz)
            #expect(try await served[0].response().status == 200)
        }
    }

    @Test func withoutDescriptorsNobodyIsAcceptedAndEverybodyElseIsServed() async throws {
        let hasRoom = NIOLockedValueBox(true)
        let configuration = GatewayConfiguration.with { $0.hasDescriptors = { hasRoom.withLockedValue { $0 } } }
        try await TestServer.run(configuration) { server in
            let metrics = server.gateway.services.metrics
            let first = try await RawClient.connect(port: server.port)
            first.send(Self.healthz)
            #expect(try await first.response().status == 200)
            hasRoom.withLockedValue { $0 = false }
            // Waiting for the next connection had begun, so one more is accepted.
            let last = try await RawClient.connect(port: server.port)
            last.send(Self.healthz)
            #expect(try await last.response().status == 200)
            try await wait(while: { metrics.acceptPauses.value == 0 })
            let waiting = try await RawClient.connect(port: server.port)
            waiting.send(Self.healthz)
            for _ in 1...20 {
                first.send(Self.healthz)
                #expect(try await first.response().status == 200)
            }
            #expect(metrics.plainConnections.value == 2)
            #expect(metrics.acceptPauses.value == 1)
            hasRoom.withLockedValue { $0 = true }
            #expect(try await waiting.response().status == 200)
        }
    }

    /// The system may run out before our own limit.
    @Test func acceptingPausesWhenTheSystemRefuses() throws {
        let hasRoom = NIOLockedValueBox(true)
        let metrics = GatewayMetrics()
        let guardian = AcceptGuard(
            hasRoom: { hasRoom.withLockedValue { $0 } }, metrics: metrics, logger: Logger(label: "test"))
        let channel = EmbeddedChannel(handler: guardian)
        var accepts: Bool? {
            channel.options.first { $0.option is ChannelOptions.Types.AutoReadOption }?.value as? Bool
        }
        for code in [EMFILE, ENFILE, ENOBUFS, ENOMEM] {
            channel.pipeline.fireErrorCaught(IOError(errnoCode: code, reason: "accept"))
            #expect(accepts == false)
            // Refused again, still for the same reason.
            channel.pipeline.fireErrorCaught(IOError(errnoCode: code, reason: "accept"))
            hasRoom.withLockedValue { $0 = false }
            channel.embeddedEventLoop.advanceTime(by: .seconds(1))
            #expect(accepts == false)
            hasRoom.withLockedValue { $0 = true }
            channel.embeddedEventLoop.advanceTime(by: AcceptGuard.pause)
            #expect(accepts == true)
        }
        #expect(metrics.acceptPauses.value == 4)
        // Handlers that treat an error as the end see nothing of this.
        channel.pipeline.fireErrorCaught(IOError(errnoCode: ECONNABORTED, reason: "accept"))
        #expect(accepts == true)
        try channel.throwIfErrorCaught()
        channel.pipeline.fireErrorCaught(IOError(errnoCode: EINVAL, reason: "accept"))
        #expect(throws: IOError.self) { try channel.throwIfErrorCaught() }
        _ = try channel.finish()
    }

    @Test func placesAreCounted() {
        var counts = AddressPrefixCounts(perPlace: 2, total: 5)
        func enter(_ address: String) -> ConnectionRefusal? { counts.enter(AttemptLimiter.place(of: address)) }
        #expect(enter("2001:db8:1:2::1") == nil)
        #expect(enter("2001:db8:1:2:ffff::9") == nil)
        #expect(enter("2001:db8:1:2:3::4") == .address)
        #expect(enter("2001:db8:1:3::1") == nil)
        #expect(enter("192.0.2.1") == nil)
        #expect(enter("192.0.2.2") == nil)
        #expect(enter("192.0.2.3") == .total)
        counts.leave(AttemptLimiter.place(of: "2001:db8:1:2::7"))
        #expect(enter("2001:db8:1:2::8") == nil)
        counts.leave("nobody's")
        #expect(enter("192.0.2.3") == .total)
    }

    @Test func refusalsAreSummedUp() {
        var digest = RefusalDigest()
        let start = Instant(microseconds: 1_000_000)
        func note(_ refusal: ConnectionRefusal, after seconds: Int64) -> [ConnectionRefusal: Int]? {
            digest.note(refusal, now: start + .seconds(seconds))
        }
        #expect(note(.address, after: 0) == [.address: 1])
        for second in 1...9 as ClosedRange<Int64> {
            #expect(note(.address, after: second) == nil)
        }
        #expect(note(.reset, after: 10) == [.address: 9, .reset: 1])
        #expect(note(.reset, after: 11) == nil)
    }

    @Test(arguments: [(40, 10), (100, 25), (256, 64), (1024, 64), (1 << 20, 64)])
    func aReserveIsLeftToTheServer(limit: Int, reserve: Int) {
        let descriptors = Descriptors(limit: limit)
        #expect(descriptors.reserve == reserve)
        #expect(descriptors.plainConnections + reserve < limit)
        #expect(!Descriptors(limit: 4).hasRoom)
        #expect(Descriptors.raised().hasRoom)
    }
}
