import SwiftProtobuf

/// The fields of a `ClientFrame` in protobuf, one after the other, without what is in them.
///
/// Nothing inside of a command has to be looked at: the decoder merges a nested message where it stands, without a copy,
/// unless it is a member of a oneof, and no command has a oneof of messages.
struct ProtobufOutline {
    /// `ClientFrame.id`, if it was reached.
    private(set) var id: UInt32 = 0
    /// Whether the command is `hello`.
    private(set) var isHello = false
    /// What is wrong with the frame.
    private(set) var fault: WireFault?

    /// Looks at a frame. What is wrong inside of its fields is left to the decoder.
    init(of bytes: [UInt8]) {
        do throws(WireFault) {
            try look(at: bytes)
        } catch {
            fault = error
        }
    }

    private mutating func look(at bytes: [UInt8]) throws(WireFault) {
        var index = 0
        var seen: UInt64 = 0
        while index < bytes.count {
            let tag = try Self.varint(in: bytes, at: &index)
            let number = tag >> 3
            var value: UInt64 = 0
            switch tag & 7 {
            case 0: value = try Self.varint(in: bytes, at: &index)
            case 1: index += 8
            case 2:
                let length = try Self.varint(in: bytes, at: &index)
                guard length <= UInt64(bytes.count - index) else { throw .truncated }
                index += Int(length)
            case 5: index += 4
            // Groups (3 and 4) are of protobuf's second version.
            default: throw WireFault(.malformed, "A field of the frame has a wire type that is not in use.")
            }
            guard index <= bytes.count else { throw .truncated }
            guard number < 64, number > 0 else { continue }
            let bit: UInt64 = 1 << number
            // The id is noted first, so that the sender learns which of its frames had two of them.
            if number == 1, id == 0 { id = UInt32(truncatingIfNeeded: value) }
            if bit & Self.helloBit != 0 { isHello = true }
            if bit & Self.commandBits != 0, seen & Self.commandBits != 0 {
                note("A frame has one command at most.")
            } else if seen & bit & Self.singleBits != 0 {
                note("A field stands twice in the frame.")
            }
            seen |= bit
        }
    }

    /// The look goes on, because the id may still come.
    private mutating func note(_ message: String) {
        if fault == nil { fault = WireFault(.malformed, message) }
    }

    private static func varint(in bytes: [UInt8], at index: inout Int) throws(WireFault) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while index < bytes.count, shift < 64 {
            let byte = bytes[index]
            index += 1
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
        throw .truncated
    }

    // MARK: The schema, as far as it matters here

    /// `id` and `ack`, which stand once, and the commands.
    private static let singleBits: UInt64 = commandBits | 0b110
    private static let helloBit: UInt64 = bits { if case .hello = $0 { true } else { false } }
    /// The numbers of the commands, all of which are under 64.
    static let commandBits: UInt64 = bits { _ in true }

    /// Asks the decoder which field numbers are commands, so that there is no second list to be kept in step.
    private static func bits(where isWanted: (WireClientFrame.OneOf_Command) -> Bool) -> UInt64 {
        (1..<64).reduce(0) { bits, number in
            // A tag of the wire type 2, which is followed by a length of 0.
            let tag = number << 3 | 2
            let bytes = tag < 128 ? [UInt8(tag), 0] : [UInt8(tag & 0x7F | 0x80), UInt8(tag >> 7), 0]
            guard let command = (try? WireClientFrame(serializedBytes: bytes))?.command else { return bits }
            return isWanted(command) ? bits | 1 << number : bits
        }
    }
}

extension WireFault {
    fileprivate static let truncated = WireFault(.malformed, "The frame ends within a field.")
}
