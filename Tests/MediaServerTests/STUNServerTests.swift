import Logging
import MediaCore
import MediaServer
import Primitives
import ServiceLifecycle
import Testing

@Suite(.timeLimit(.minutes(1))) struct STUNServerTests {
    private static let loopbackV4 = IPAddress.v4(0x7F00_0001)
    private static let loopbackV6 = IPAddress.v6(high: 0, low: 1)
    private static let otherLoopback = IPAddress.v4(0x7F00_0101)

    private static func server(
        at hosts: [IPAddress], port: UInt16 = 0, limits: AnswerLimiter.Limits = .init()
    ) throws -> STUNServer {
        let addresses = hosts.map { TransportAddress($0, port: port) }
        return try STUNServer(
            .init(addresses: addresses, limits: limits), key: 1, logger: Logger(label: "test"))
    }

    /// Runs a server while the closure runs, and checks that it ends without an error when told to.
    private static func running(_ server: STUNServer, _ body: () async throws -> Void) async throws {
        let task = Task { try await server.run() }
        do {
            try await body()
        } catch {
            task.cancel()
            throw error
        }
        task.cancel()
        try await task.value
    }

    @Test(arguments: [loopbackV4, loopbackV6])
    func tellsTheSenderItsAddress(host: IPAddress) async throws {
        let server = try Self.server(at: [host])
        #expect(server.addresses[0].port != 0)
        try await Self.running(server) {
            let client = try UDPClient(at: host, to: server.addresses[0])
            for number in 1...3 as ClosedRange<UInt64> {
                try client.send(bindingRequest(number))
                let answer = try await bindingAnswer(client.receive())
                #expect(answer.number == number)
                #expect(answer.address == client.address)
            }
        }
        #expect(server.datagrams.received.value == 3)
        #expect(server.datagrams.sent.value == 3)
    }

    @Test func listensOnSeveralAddressesAtOnce() async throws {
        let server = try Self.server(at: [Self.loopbackV4, Self.loopbackV6, Self.otherLoopback])
        try await Self.running(server) {
            for address in server.addresses {
                let client = try UDPClient(at: address.host, to: address)
                try client.send(bindingRequest(1))
                #expect(try await bindingAnswer(client.receive()).address == client.address)
            }
        }
    }

    @Test func bothVersionsShareAPort() throws {
        let server = try Self.server(at: [.v4(0)])
        let other = try Self.server(at: [.v6(high: 0, low: 0)], port: server.addresses[0].port)
        #expect(other.addresses[0].port == server.addresses[0].port)
    }

    /// The client is connected, so an answer from a different address of the machine never reaches it.
    @Test func answersFromTheAddressThatWasAsked() async throws {
        let server = try Self.server(at: [.v4(0), .v6(high: 0, low: 0)])
        try await Self.running(server) {
            for (host, index) in [(Self.loopbackV4, 0), (Self.otherLoopback, 0), (Self.loopbackV6, 1)] {
                let asked = TransportAddress(host, port: server.addresses[index].port)
                let source = index == 0 ? Self.loopbackV4 : Self.loopbackV6
                let client = try UDPClient(at: source, to: asked)
                try client.send(bindingRequest(1))
                #expect(try await bindingAnswer(client.receive()).address == client.address)
            }
        }
    }

    @Test func goesOnAfterGarbage() async throws {
        let server = try Self.server(at: [Self.loopbackV4])
        try await Self.running(server) {
            let client = try UDPClient(at: Self.loopbackV4, to: server.addresses[0])
            let request = bindingRequest(1)
            try client.send([])
            try client.send([0x80, 0x60, 0, 1])
            try client.send(Array(request.dropLast()))
            // Longer than what the server keeps, though it begins like a request.
            try client.send(request + [UInt8](repeating: 0, count: 4000))
            // An answer, which is not a request.
            try client.send([1, 1] + request[2..<20].map { $0 == 8 ? 0 : $0 })
            try client.send(bindingRequest(2))
            #expect(try await bindingAnswer(client.receive()).number == 2)
            #expect(client.receiveNow() == nil)
        }
        #expect(server.datagrams.received.value == 6)
        #expect(server.datagrams.oversized.value == 1)
        #expect(server.metrics.malformed.value == 3)
        #expect(server.metrics.ignored.value == 1)
        #expect(server.datagrams.sent.value == 1)
    }

    /// Answers to a closed port come back as ICMP errors.
    @Test func goesOnWhenAClientHasGone() async throws {
        let server = try Self.server(at: [Self.loopbackV4])
        let gone = try UDPClient(at: Self.loopbackV4, to: server.addresses[0])
        for number in 0..<200 as Range<UInt64> { try gone.send(bindingRequest(number)) }
        gone.close()
        // The server starts only now, when nobody is left to receive any of the answers.
        try await Self.running(server) {
            let client = try UDPClient(at: Self.loopbackV4, to: server.addresses[0])
            try client.send(bindingRequest(1))
            #expect(try await bindingAnswer(client.receive()).address == client.address)
        }
        #expect(server.datagrams.sent.value == 201)
    }

    @Test func limitsOneNetworkAndServesTheNext() async throws {
        let server = try Self.server(at: [Self.loopbackV4], limits: .init(perPrefix: 1, burst: 3))
        try await Self.running(server) {
            let greedy = try UDPClient(at: Self.loopbackV4, to: server.addresses[0])
            let modest = try UDPClient(at: Self.otherLoopback, to: server.addresses[0])
            let elapsed = try await ContinuousClock().measure {
                for number in 0..<100 as Range<UInt64> { try greedy.send(bindingRequest(number)) }
                try modest.send(bindingRequest(1))
                // Datagrams are handled in order, so with this answer all the others have been decided on.
                #expect(try await bindingAnswer(modest.receive()).address == modest.address)
            }
            var count = 0
            while greedy.receiveNow() != nil { count += 1 }
            #expect((3...3 + Int(elapsed / .seconds(1)) + 1).contains(count))
            #expect(server.metrics.limited.value == 100 - count)
        }
    }

    @Test func takesMoreThanABatch() async throws {
        let server = try Self.server(at: [Self.loopbackV4], limits: .init(burst: 1000))
        let client = try UDPClient(at: Self.loopbackV4, to: server.addresses[0])
        for number in 0..<150 as Range<UInt64> { try client.send(bindingRequest(number)) }
        try await Self.running(server) {
            for number in 0..<150 as Range<UInt64> {
                let answer = try await bindingAnswer(client.receive())
                #expect(answer.number == number)
            }
        }
    }

    @Test func givesThePortBackOnGracefulShutdown() async throws {
        let server = try Self.server(at: [Self.loopbackV4])
        let port = server.addresses[0].port
        #expect(throws: DatagramServerError.self) { try Self.server(at: [Self.loopbackV4], port: port) }
        let group = ServiceGroup(services: [server], logger: Logger(label: "test"))
        async let ended: Void = group.run()
        let client = try UDPClient(at: Self.loopbackV4, to: server.addresses[0])
        try client.send(bindingRequest(1))
        _ = try await client.receive()
        await group.triggerGracefulShutdown()
        try await ended

        let next = try Self.server(at: [Self.loopbackV4], port: port)
        #expect(next.addresses == server.addresses)
        await #expect(throws: DatagramServerError.self, "a server runs once") { try await server.run() }
    }

    @Test func givesThePortBackWithoutEverRunning() throws {
        var server: STUNServer? = try Self.server(at: [Self.loopbackV4])
        let port = try #require(server?.addresses[0].port)
        server = nil
        _ = try Self.server(at: [Self.loopbackV4], port: port)
    }

    @Test func saysWhyItCannotBind() throws {
        // An address of the reserved block (RFC 1112 §4), which no machine has.
        let error = #expect(throws: DatagramServerError.self) { try Self.server(at: [.v4(0xF000_0001)]) }
        #expect(error?.code == .cannotBind)
        #expect(error?.message.contains("240.0.0.1:0") == true)
    }

    @Test func showsItsFigures() throws {
        let server = try Self.server(at: [Self.loopbackV4])
        server.datagrams.sent.add(3)
        server.metrics.limited.add(2)
        let text = server.metricFamilies.map(\.exposition).joined()
        #expect(text.contains("ringback_stun_datagrams_total{outcome=\"answered\"} 3\n"))
        #expect(text.contains("ringback_stun_datagrams_total{outcome=\"limited\"} 2\n"))
        #expect(text.contains("ringback_stun_receive_errors_total 0\n"))
    }
}
