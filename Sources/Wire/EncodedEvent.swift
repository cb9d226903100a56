import SwiftProtobuf

/// An event that is encoded once for many devices, each of which counts its own events.
///
/// A `ServerFrame` is a sequence of fields in protobuf, and an object without a fixed order in JSON: in both, the `seq`
/// of a device can be put before bytes that are the same for all.
public struct EncodedEvent: Sendable, Equatable {
    /// Its encoding.
    public let encoding: Encoding
    /// Everything after the head; the same for every device.
    public let tail: [UInt8]

    /// Encodes an event.
    /// - Throws: `unwritable`, see `Encoding.encode(_:)`.
    public init(_ event: WireEvent, as encoding: Encoding) throws(WireFault) {
        self.encoding = encoding
        let frame = WireServerFrame.with { $0.event = event }
        let bytes = try encoding.encode(frame)
        switch encoding {
        case .protobuf: tail = bytes
        // The head contains the opening brace.
        case .json: tail = Array(bytes.dropFirst())
        }
    }

    /// The bytes before the tail for a device.
    /// - Parameter seq: The place among the events of the device, from 1.
    public func head(seq: UInt64) -> [UInt8] {
        switch encoding {
        case .protobuf:
            // Field 1 as a varint, seven bits per byte, lowest first.
            var head: [UInt8] = [0x08]
            var rest = seq
            while rest >= 0x80 {
                head.append(UInt8(truncatingIfNeeded: rest) | 0x80)
                rest >>= 7
            }
            head.append(UInt8(truncatingIfNeeded: rest))
            return head
        case .json:
            return Array("{\"seq\":\"\(seq)\",".utf8)
        }
    }

    /// The whole frame for a device.
    /// - Parameter seq: The place among the events of the device, from 1.
    public func stamped(seq: UInt64) -> [UInt8] {
        head(seq: seq) + tail
    }
}

/// Some of the encodings.
public struct EncodingSet: OptionSet, Sendable {
    /// One bit for each encoding.
    public let rawValue: UInt8

    /// The set with these bits.
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// The set of one encoding.
    public init(_ encoding: Encoding) {
        switch encoding {
        case .protobuf: self.init(rawValue: 1)
        case .json: self.init(rawValue: 2)
        }
    }
}

/// An event in those encodings that its recipients need, written once for each.
public struct EncodedEvents: Sendable {
    private var protobuf: EncodedEvent?
    private var json: EncodedEvent?
    /// The encodings that were asked for.
    public private(set) var encodings: EncodingSet = []

    /// Starts with none.
    public init() {}

    /// Writes the event in more encodings. It stays nil where it cannot be written.
    public mutating func add(_ event: WireEvent, in encodings: EncodingSet) {
        if encodings.contains(EncodingSet(.protobuf)) { protobuf = try? EncodedEvent(event, as: .protobuf) }
        if encodings.contains(EncodingSet(.json)) { json = try? EncodedEvent(event, as: .json) }
        self.encodings.formUnion(encodings)
    }

    /// The event in an encoding.
    public subscript(encoding: Encoding) -> EncodedEvent? {
        switch encoding {
        case .protobuf: protobuf
        case .json: json
        }
    }
}
