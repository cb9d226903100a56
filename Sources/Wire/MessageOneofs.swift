import Foundation
import SwiftProtobuf
import Synchronization

/// Where a message type has oneof members that are messages, in itself and in the messages it contains.
///
/// The decoder merges a message that occurs again in the same place. It does so in place, without a copy, unless it is
/// a member of a oneof: then it copies what it has of it each time, so a list and many repeats of its message have
/// quadratic cost. So bytes are checked before they are decoded, and a member that occurs twice is refused.
///
/// The decoder is asked which oneof a field belongs to, so that no second schema has to be kept in step.
struct MessageOneofs: Sendable {
    /// A field that contains messages.
    private struct Field: Sendable {
        var number: Int
        var type: any Message.Type
        /// What is in it; nil when there is no such member at any depth.
        var inside: MessageOneofs?
    }

    /// The numbers of the members that are messages, as bits. All numbers of the schema are under 64.
    private(set) var members: UInt64 = 0
    private var fields: [Field] = []

    /// Examines a type. One that contains itself is not followed, and the schema has none.
    /// - Parameter outer: The types that are being examined.
    init(of type: any Message.Type, in outer: [any Message.Type] = []) {
        let path = outer + [type]
        for number in 1..<64 {
            guard let (inner, isMember) = Self.field(number, of: type) else { continue }
            if isMember { members |= 1 << UInt64(number) }
            let oneofs = path.contains { $0 == inner } ? nil : MessageOneofs(of: inner, in: path)
            fields.append(Field(number: number, type: inner, inside: oneofs.flatMap { $0.isEmpty ? nil : $0 }))
        }
    }

    /// Whether no member can occur twice, because there is none.
    private var isEmpty: Bool { members == 0 && fields.allSatisfy { $0.inside == nil } }

    /// The members of a type, as bits.
    func bits(of type: any Message.Type) -> UInt64 {
        fields.reduce(0) { $1.type == type ? $0 | members & 1 << UInt64($1.number) : $0 }
    }

    /// Checks a message.
    /// - Throws: `malformed` when a member occurs twice, or when the fields up to there can't be told apart.
    func check(_ bytes: [UInt8]) throws(WireFault) {
        if !isEmpty { try check(bytes, in: bytes.indices) }
    }

    private func check(_ bytes: [UInt8], in range: Range<Int>) throws(WireFault) {
        var rest = ProtobufFields(of: bytes, in: range)
        var seen: UInt64 = 0
        while let field = try rest.next() {
            guard field.number < 64, let contents = field.contents else { continue }
            let bit: UInt64 = 1 << field.number
            if seen & members & bit != 0 {
                throw WireFault(.malformed, "A field that may occur once occurs twice.")
            }
            seen |= bit
            guard let inside = fields.first(where: { $0.number == field.number })?.inside else { continue }
            try inside.check(bytes, in: contents)
        }
    }

    // MARK: Questions to the decoder

    /// The type of messages in a field, and whether it is a member of a oneof; nil when no messages are in it.
    private static func field<Asked: Message>(
        _ number: Int, of type: Asked.Type
    ) -> (inner: any Message.Type, isMember: Bool)? {
        // A tag of the wire type 2, which is followed by a length of 0.
        let tag = number << 3 | 2
        let bytes = tag < 128 ? [UInt8(tag), 0] : [UInt8(tag & 0x7F | 0x80), UInt8(tag >> 7), 0]
        var found = HeldMessage()
        guard let asked = try? Asked(serializedBytes: bytes), (try? asked.traverse(visitor: &found)) != nil,
            let inner = found.type
        else { return nil }
        return (inner, isMember(asked))
    }

    /// Whether the only field of a message is a member of a oneof: JSON allows no two of one.
    private static func isMember<Asked: Message>(_ asked: Asked) -> Bool {
        guard let text = try? asked.jsonUTF8Bytes() as [UInt8] else { return false }
        do {
            _ = try Asked(jsonUTF8Bytes: text.dropLast() + Array(",".utf8) + text.dropFirst())
            return false
        } catch {
            if case .conflictingOneOf? = error as? JSONDecodingError { return true }
            return false
        }
    }
}

extension MessageOneofs {
    private static let known = Mutex<[ObjectIdentifier: MessageOneofs]>([:])

    /// The result for a type, stored when it is first examined.
    static func known(of type: any Message.Type) -> MessageOneofs {
        known.withLock { known in
            if let oneofs = known[ObjectIdentifier(type)] { return oneofs }
            let oneofs = MessageOneofs(of: type)
            known[ObjectIdentifier(type)] = oneofs
            return oneofs
        }
    }
}

/// The type of the message that another one contains.
private struct HeldMessage: Visitor {
    var type: (any Message.Type)?

    mutating func visitSingularMessageField<Held: Message>(value: Held, fieldNumber: Int) { type = Held.self }

    // Everything else does not matter.
    mutating func visitSingularDoubleField(value: Double, fieldNumber: Int) {}
    mutating func visitSingularInt64Field(value: Int64, fieldNumber: Int) {}
    mutating func visitSingularUInt64Field(value: UInt64, fieldNumber: Int) {}
    mutating func visitSingularBoolField(value: Bool, fieldNumber: Int) {}
    mutating func visitSingularStringField(value: String, fieldNumber: Int) {}
    mutating func visitSingularBytesField(value: Data, fieldNumber: Int) {}
    mutating func visitSingularEnumField<E: SwiftProtobuf.Enum>(value: E, fieldNumber: Int) {}
    mutating func visitMapField<KeyType, ValueType: MapValueType>(
        fieldType: _ProtobufMap<KeyType, ValueType>.Type, value: _ProtobufMap<KeyType, ValueType>.BaseType,
        fieldNumber: Int
    ) {}
    mutating func visitMapField<KeyType, ValueType>(
        fieldType: _ProtobufEnumMap<KeyType, ValueType>.Type, value: _ProtobufEnumMap<KeyType, ValueType>.BaseType,
        fieldNumber: Int
    ) where ValueType.RawValue == Int {}
    mutating func visitMapField<KeyType, ValueType>(
        fieldType: _ProtobufMessageMap<KeyType, ValueType>.Type,
        value: _ProtobufMessageMap<KeyType, ValueType>.BaseType, fieldNumber: Int
    ) {}
    mutating func visitUnknown(bytes: Data) {}
}
