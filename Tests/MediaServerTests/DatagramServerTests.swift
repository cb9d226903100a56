import CAllocations
import Foundation
import Logging
import MediaCore
import NIOConcurrencyHelpers
import Primitives
import Synchronization
import Testing

@testable import MediaServer

@Suite(.timeLimit(.minutes(1))) struct DatagramServerTests {
    static let loopbacks: [IPAddress] = [.v4(0x7F00_0001), .v6(high: 0, low: 1)]
    static let wildcards: [IPAddress] = [.v4(0), .v6(high: 0, low: 0)]

    /// Runs a server while the closure runs, and checks that it ends without an error when told to.
    /// - Returns: Its counters.
    @discardableResult
    private static func serving<Handler: DatagramHandler>(
        at hosts: [IPAddress], by handler: @autoclosure @escaping @Sendable () -> Handler,
        _ body: (DatagramServer<Handler>) async throws -> Void
    ) async throws -> DatagramMetrics {
        let server = try DatagramServer(
            "test", at: hosts.map { TransportAddress($0, port: 0) }, logger: Logger(label: "test")
        ) { _ in
            handler()
        }
        let task = Task { try await server.run() }
        do {
            try await body(server)
        } catch {
            task.cancel()
            throw error
        }
        task.cancel()
        try await task.value
        return server.metrics
    }

    @Test(arguments: loopbacks) func echoes(host: IPAddress) async throws {
        let metrics = try await Self.serving(at: [host], by: Echo()) { server in
            let client = try UDPClient(at: host, to: server.addresses[0])
            for datagram in [[1, 2, 3], [], [UInt8](repeating: 7, count: 1200)] as [[UInt8]] {
                try client.send(datagram)
                #expect(try await client.receive() == datagram)
            }
        }
        #expect(metrics.received.value == 3)
        #expect(metrics.sent.value == 3)
    }

    /// A datagram to one socket is answered through it, from the address that was asked, however many others there are.
    @Test func echoesThroughTheSocketThatWasAsked() async throws {
        try await Self.serving(at: Self.wildcards + Self.loopbacks, by: Echo()) { server in
            for (index, address) in server.addresses.enumerated() {
                let host = Self.loopbacks[index % 2]
                let client = try UDPClient(at: host, to: TransportAddress(host, port: address.port))
                try client.send([UInt8(index)])
                #expect(try await client.receive() == [UInt8(index)])
            }
        }
    }

    @Test(arguments: loopbacks) func sendsElsewhere(host: IPAddress) async throws {
        let destination = NIOLockedValueBox(TransportAddress(host, port: 0))
        let server = try DatagramServer(
            "test", at: [TransportAddress(host, port: 0)], logger: Logger(label: "test")
        ) { _ in
            Forward(destination: destination.withLockedValue { $0 })
        }
        let sender = try UDPClient(at: host, to: server.addresses[0])
        let listener = try UDPClient(at: host, to: server.addresses[0])
        destination.withLockedValue { $0 = listener.address }
        let task = Task { try await server.run() }
        try sender.send([4, 2])
        #expect(try await listener.receive() == [4, 2])
        #expect(sender.receiveNow() == nil)
        task.cancel()
        try await task.value
    }

    @Test func showsNoDatagramThatDoesNotFit() async throws {
        let metrics = try await Self.serving(at: [Self.loopbacks[0]], by: Echo()) { server in
            let client = try UDPClient(at: Self.loopbacks[0], to: server.addresses[0])
            let longest = [UInt8](repeating: 1, count: IncomingDatagrams.datagramSize)
            try client.send(longest + [1])
            try client.send(longest)
            #expect(try await client.receive() == longest)
        }
        #expect(metrics.received.value == 2)
        #expect(metrics.oversized.value == 1)
        #expect(metrics.sent.value == 1)
    }

    @Test func aDatagramThatCannotBeSentHoldsUpNoOther() async throws {
        let metrics = try await Self.serving(at: [Self.loopbacks[0]], by: Overshoot()) { server in
            let client = try UDPClient(at: Self.loopbacks[0], to: server.addresses[0])
            for number in 0..<3 as Range<UInt8> {
                try client.send([number])
                #expect(try await client.receive() == [number])
            }
        }
        #expect(metrics.unsent.value == 3)
    }

    /// A path of the other IP version, and one through a socket that does not exist.
    @Test func aPathThatLeadsNowhereHoldsUpNoOther() throws {
        let socket = try UDPSocket(boundTo: TransportAddress(Self.loopbacks[0], port: 0))
        let client = try UDPClient(at: Self.loopbacks[0], to: socket.address)
        var outgoing = OutgoingDatagrams(capacity: 8, byteCapacity: 64)
        for (number, remote, through) in [
            (0, TransportAddress(Self.loopbacks[1], port: 9), 0), (1, client.address, -1), (2, client.address, 1),
            (3, client.address, 0),
        ] {
            let datagram = [UInt8(number)]
            outgoing.append(datagram.span, to: DatagramPath(to: remote, socket: through))
        }
        #expect(DatagramSender(capacity: 8).send(outgoing, through: [socket]) == 1)
        #expect(client.receiveNow() == [3])
    }

    @Test func moreThanThereIsRoomForIsCounted() async throws {
        let metrics = try await Self.serving(at: [Self.loopbacks[0]], by: Multiply(.atOnce)) { server in
            let client = try UDPClient(at: Self.loopbacks[0], to: server.addresses[0])
            try client.send([0, 200])
            for number in 0..<128 as Range<UInt8> { #expect(try await client.receive() == [0, number]) }
        }
        #expect(metrics.sent.value == 128)
        #expect(metrics.unsent.value == 72)
    }

    @Test func wakesTheHandlerAtItsDeadlineAndAsOftenAsItHasMore() async throws {
        let pause = Instant.Span.milliseconds(30)
        let metrics = try await Self.serving(at: Self.loopbacks, by: Multiply(.after(pause))) { server in
            let client = try UDPClient(at: Self.loopbacks[0], to: server.addresses[0])
            let start = Instant.ofUptime
            try client.send([0, 150])
            for number in 0..<150 as Range<UInt8> { #expect(try await client.receive() == [0, number]) }
            #expect(Instant.ofUptime - start >= pause)
        }
        #expect(metrics.unsent.value == 0)
    }

    @Test func wakesAtOnceAHandlerThatDecidesAfterTheBatch() async throws {
        let none = Instant.Span(microseconds: 0)
        try await Self.serving(at: [Self.loopbacks[0]], by: Multiply(.after(none))) { server in
            let client = try UDPClient(at: Self.loopbacks[0], to: server.addresses[0])
            try client.send([0, 3])
            for number in 0..<3 as Range<UInt8> { #expect(try await client.receive() == [0, number]) }
        }
    }

    /// Loopback accepts everything that UDP sends, so a stream whose other end does not read takes the place of a busy
    /// network card: its buffer fills up.
    @Test func aFullSendBufferIsCountedAndNotWaitedFor() throws {
        let stream = try UnreadStream()
        var outgoing = OutgoingDatagrams(capacity: 128, byteCapacity: 128 * 1024)
        let datagram = [UInt8](repeating: 1, count: 1024)
        for _ in 0..<128 { outgoing.append(datagram.span, to: DatagramPath(to: stream.remote)) }
        let sender = DatagramSender(capacity: 128)
        var counts: [Int] = []
        repeat {
            counts.append(sender.send(outgoing, 0..<128, through: stream.descriptor, namingSource: false))
        } while counts.last != 0
        #expect(counts.first == 128)
    }

    @Test(arguments: loopbacks) func stopsWhileReceiving(host: IPAddress) async throws {
        let server = try DatagramServer(
            "test", at: [TransportAddress(host, port: 0)], logger: Logger(label: "test"), makeHandler: { _ in Echo() })
        let task = Task { try await server.run() }
        let client = try UDPClient(at: host, to: server.addresses[0])
        let flood = Flood(of: client)
        defer { flood.end() }
        // Once an echo has arrived, the server is busy receiving.
        _ = try await client.receive()
        task.cancel()
        try await task.value
        _ = try UDPSocket(boundTo: server.addresses[0])
        #expect(server.metrics.sent.value > 0)
    }

    @Test(.enabled(if: counts_allocations())) func aDatagramCostsNoMemory() async throws {
        try await Self.serving(at: Self.wildcards, by: AllocationMeter()) { server in
            let client = try UDPClient(
                at: Self.loopbacks[0], to: TransportAddress(Self.loopbacks[0], port: server.addresses[0].port))
            var allocated: [UInt8] = []
            for _ in 0..<10 {
                try client.send([1])
                allocated = try await client.receive()
            }
            #expect(allocated == [UInt8](repeating: 0, count: 8))
        }
    }
}

/// Answers with the number of bytes that its thread has allocated since the last datagram.
private struct AllocationMeter: DatagramHandler {
    private var before: UInt64 = 0

    mutating func take(
        _ datagram: Span<UInt8>, on path: DatagramPath, now: Instant, sending outgoing: inout OutgoingDatagrams
    ) {
        let sinceThen = allocated_bytes() - before
        outgoing.append(to: path, atMost: 8) { room in
            for index in 0..<8 { room[index] = UInt8(truncatingIfNeeded: sinceThen >> (56 - index * 8)) }
            return 8
        }
        before = allocated_bytes()
    }
}

/// A thread that sends as fast as it can until it is stopped.
private final class Flood: Sendable {
    private let isOver = Atomic(false)

    init(of client: UDPClient) {
        Thread { [self] in
            // Datagrams that nobody receives come back as an error, which does not matter.
            while !isOver.load(ordering: .relaxed) { try? client.send([1, 2, 3]) }
        }.start()
    }

    func end() { isOver.store(true, ordering: .relaxed) }
}
