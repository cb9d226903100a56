/// Datagrams that wait to be sent, one after the other in memory that is allocated once.
@safe public struct OutgoingDatagrams: ~Copyable {
    /// How many there are.
    public private(set) var count = 0
    /// How many did not fit since the last `removeAll`. They are lost.
    public private(set) var refusedCount = 0

    private let capacity: Int
    private let byteCapacity: Int
    private let entries: UnsafeMutablePointer<Entry>
    private let bytes: UnsafeMutablePointer<UInt8>
    private var usedBytes = 0

    private struct Entry {
        let path: DatagramPath
        let bytes: Range<Int>
    }

    /// Makes room for this many datagrams, and for this many bytes in total.
    public init(capacity: Int, byteCapacity: Int) {
        self.capacity = max(0, capacity)
        self.byteCapacity = max(0, byteCapacity)
        unsafe entries = .allocate(capacity: self.capacity)
        unsafe bytes = .allocate(capacity: self.byteCapacity)
        unsafe bytes.initialize(repeating: 0, count: self.byteCapacity)
    }

    deinit {
        unsafe entries.deallocate()
        unsafe bytes.deallocate()
    }

    /// Whether less than half of the room is left, for datagrams or for bytes.
    public var isMoreThanHalfFull: Bool { count > capacity / 2 || usedBytes > byteCapacity / 2 }

    /// Lets the closure write a datagram in the place from which it will be sent. When there is no room for `size`
    /// bytes, the datagram is counted as refused and the closure is not called.
    /// - Parameters:
    ///   - path: Where to.
    ///   - size: The most bytes it can have.
    ///   - write: Writes it and returns its length; nil when there is nothing to send after all.
    public mutating func append(
        to path: DatagramPath, atMost size: Int, _ write: (inout MutableSpan<UInt8>) -> Int?
    ) {
        guard count < capacity, size >= 0, size <= byteCapacity - usedBytes else {
            refusedCount += 1
            return
        }
        let room = unsafe UnsafeMutableBufferPointer(start: bytes + usedBytes, count: size)
        var span = unsafe room.mutableSpan
        guard let length = write(&span) else { return }
        let end = usedBytes + min(max(0, length), size)
        unsafe (entries + count).initialize(to: Entry(path: path, bytes: usedBytes..<end))
        count += 1
        usedBytes = end
    }

    /// Puts a copy of a datagram there.
    public mutating func append(_ datagram: Span<UInt8>, to path: DatagramPath) {
        append(to: path, atMost: datagram.count) { room in
            for index in datagram.indices { room[index] = datagram[index] }
            return datagram.count
        }
    }

    /// Makes the room free again.
    public mutating func removeAll() {
        count = 0
        refusedCount = 0
        usedBytes = 0
    }

    /// A datagram's path; `index` is less than `count`.
    package func path(at index: Int) -> DatagramPath {
        precondition(index >= 0 && index < count)
        return unsafe entries[index].path
    }

    /// A datagram's bytes, which stay where they are until `removeAll`; `index` is less than `count`.
    @unsafe package func bytes(at index: Int) -> UnsafeMutableBufferPointer<UInt8> {
        precondition(index >= 0 && index < count)
        let range = unsafe entries[index].bytes
        return unsafe UnsafeMutableBufferPointer(start: bytes + range.lowerBound, count: range.count)
    }
}
