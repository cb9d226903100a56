import MediaCore
import Primitives
import Testing

@testable import MediaServer

/// What a STUN server answers, and what it counts.
@Suite struct STUNHandlerTests {
    /// An address of the documentation range (RFC 5737).
    private static let client = TransportAddress(.v4(0xC000_0201), port: 32853)
    private static let path = DatagramPath(to: client, from: .v4(0x0A00_0001), zone: 3, socket: 1)

    /// A handler with its counters, and what it sends after a batch of datagrams.
    private static func sent(
        for datagrams: [[UInt8]], on path: DatagramPath = path, limits: AnswerLimiter.Limits = .init()
    ) -> (answers: [(path: DatagramPath, bytes: [UInt8])], metrics: STUNMetrics) {
        let now = Instant(microseconds: 1_000_000_000)
        let metrics = STUNMetrics()
        var handler = STUNHandler(AnswerLimiter(limits, key: 1, now: now), metrics: metrics)
        var outgoing = OutgoingDatagrams(capacity: 16, byteCapacity: 1024)
        for datagram in datagrams { handler.take(datagram.span, on: path, now: now, sending: &outgoing) }
        let answers = (0..<outgoing.count).map { index in
            (path: outgoing.path(at: index), bytes: unsafe Array(outgoing.bytes(at: index)))
        }
        return (answers, metrics)
    }

    @Test func answersAlongThePath() throws {
        let (answers, metrics) = Self.sent(for: [bindingRequest(7)])
        let answer = try #require(answers.first)
        #expect(answers.count == 1)
        #expect(answer.path == Self.path)
        let (number, address) = try bindingAnswer(answer.bytes)
        #expect(number == 7 && address == Self.client)
        #expect([metrics.malformed.value, metrics.ignored.value, metrics.limited.value] == [0, 0, 0])
    }

    @Test func countsWhatItDoesNotAnswer() {
        let (request, indication) = (bindingRequest(7), bindingMessage(.bindingIndication, 7))
        let (answers, metrics) = Self.sent(
            for: [request, [], [1, 2, 3], indication, request, request], limits: .init(perPrefix: 1, burst: 2))
        #expect(answers.count == 2)
        #expect([metrics.malformed.value, metrics.ignored.value, metrics.limited.value] == [2, 1, 1])
    }

    @Test func waitsForDatagramsAlone() {
        let now = Instant(microseconds: 0)
        let handler = STUNHandler(AnswerLimiter(.init(), key: 1, now: now), metrics: STUNMetrics())
        #expect(handler.deadline == nil)
    }
}
