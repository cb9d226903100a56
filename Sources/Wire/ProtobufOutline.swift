/// The fields of a `ClientFrame` in protobuf, one after the other, without their contents.
///
/// Nothing inside a command has to be checked: no command has a oneof of messages, see `MessageOneofs`.
struct ProtobufOutline {
    /// `ClientFrame.id`, if it was reached.
    private(set) var id: UInt32 = 0
    /// Whether the command is `hello`.
    private(set) var isHello = false
    /// What is wrong with the frame.
    private(set) var fault: WireFault?

    /// Scans a frame. Errors inside its fields are left to the decoder.
    init(of bytes: [UInt8]) {
        do throws(WireFault) {
            try look(at: bytes)
        } catch {
            fault = error
        }
    }

    private mutating func look(at bytes: [UInt8]) throws(WireFault) {
        var fields = ProtobufFields(of: bytes)
        var seen: UInt64 = 0
        while let field = try fields.next() {
            guard field.number < 64, field.number > 0 else { continue }
            let bit: UInt64 = 1 << field.number
            // The id is noted first, so that it is known even if the frame has two of them.
            if field.number == 1, id == 0 { id = UInt32(truncatingIfNeeded: field.value) }
            if bit & Self.helloBit != 0 { isHello = true }
            if bit & Self.commandBits != 0, seen & Self.commandBits != 0 {
                note("A frame has one command at most.")
            } else if seen & bit & Self.singleBits != 0 {
                note("A field stands twice in the frame.")
            }
            seen |= bit
        }
    }

    /// The scan continues, because the id may still come.
    private mutating func note(_ message: String) {
        if fault == nil { fault = WireFault(.malformed, message) }
    }

    // MARK: The relevant part of the schema

    private static let oneofs = MessageOneofs(of: WireClientFrame.self)
    /// `id` and `ack`, which occur once, and the commands.
    private static let singleBits: UInt64 = commandBits | 0b110
    private static let helloBit: UInt64 = oneofs.bits(of: WireHello.self)
    /// The numbers of the commands, all of which are under 64.
    static let commandBits: UInt64 = oneofs.members
}
