import MediaCore
import Testing

@Suite struct OutgoingDatagramsTests {
    private static let path = DatagramPath(to: clientV6)

    @Test func keepsThemInTheirOrder() {
        var outgoing = OutgoingDatagrams(capacity: 4, byteCapacity: 10)
        let (first, second): ([UInt8], [UInt8]) = ([1, 2, 3], [])
        outgoing.append(first.span, to: Self.path)
        outgoing.append(second.span, to: DatagramPath(to: clientV4))
        outgoing.append(to: Self.path, atMost: 5) { room in
            room[0] = 9
            return 1
        }
        #expect(outgoing.copies.map { $0.bytes } == [[1, 2, 3], [], [9]])
        #expect(outgoing.copies.map { $0.path.remote } == [clientV6, clientV4, clientV6])
    }

    @Test func givesNoPlaceToWhatIsNotSentAfterAll() {
        var outgoing = OutgoingDatagrams(capacity: 1, byteCapacity: 1)
        outgoing.append(to: Self.path, atMost: 1) { _ in nil }
        let datagram: [UInt8] = [7]
        outgoing.append(datagram.span, to: Self.path)
        #expect(outgoing.copies.map { $0.bytes } == [[7]])
        #expect(outgoing.refusedCount == 0)
    }

    /// A length that the closure must not return is clamped to the room that it had.
    @Test(arguments: [(-1, 0), (2, 2), (3, 2), (Int.max, 2)]) func boundsTheLength(claimed: Int, kept: Int) {
        var outgoing = OutgoingDatagrams(capacity: 1, byteCapacity: 8)
        outgoing.append(to: Self.path, atMost: 2) { _ in claimed }
        #expect(outgoing.copies.map { $0.bytes.count } == [kept])
    }

    @Test func countsWhatFindsNoRoom() {
        let (short, long): ([UInt8], [UInt8]) = ([1], [1, 2, 3, 4])
        var outgoing = OutgoingDatagrams(capacity: 2, byteCapacity: 4)
        #expect(outgoing.isMoreThanHalfFull == false)
        outgoing.append(short.span, to: Self.path)
        #expect(outgoing.isMoreThanHalfFull == false)
        outgoing.append(long.span, to: Self.path)
        outgoing.append(short.span, to: Self.path)
        #expect(outgoing.isMoreThanHalfFull == true)
        outgoing.append(short.span, to: Self.path)
        outgoing.append(to: Self.path, atMost: -1) { _ in 0 }
        #expect(outgoing.count == 2)
        #expect(outgoing.refusedCount == 3)
        outgoing.removeAll()
        outgoing.append(long.span, to: Self.path)
        #expect(outgoing.copies.map { $0.bytes } == [long])
        #expect(outgoing.refusedCount == 0)
    }
}

extension OutgoingDatagrams {
    /// Copies of everything that is to be sent, and where to.
    fileprivate var copies: [(path: DatagramPath, bytes: [UInt8])] {
        (0..<count).map { (path(at: $0), unsafe Array(bytes(at: $0))) }
    }
}
