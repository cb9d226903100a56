import Foundation
import SwiftProtobuf

/// A seeded source of randomness (SplitMix64), so that a failing message can be repeated.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

extension Message {
    /// A message with random contents in random fields.
    ///
    /// It asks the generated decoder for every field by its number, which is the only way to walk an unknown message
    /// type.
    static func random(using generator: inout SeededGenerator, depth: Int = 0) throws -> Self {
        if Self.self == Google_Protobuf_Timestamp.self {
            // JSON has a form only for the years 1 to 9999.
            var stamp = Google_Protobuf_Timestamp()
            stamp.seconds = .random(in: -62_135_596_800...253_402_300_799, using: &generator)
            stamp.nanos = .random(in: 0...999_999_999, using: &generator)
            if let stamp = stamp as? Self { return stamp }
        }
        var message = Self()
        var source = RandomFields(generator: generator, depth: depth)
        try message.decodeMessage(decoder: &source)
        generator = source.generator
        return message
    }
}

/// Takes the place of a decoder of bytes, and gives random values instead.
struct RandomFields: SwiftProtobuf.Decoder {
    struct NotInSchema: Error {}

    var generator: SeededGenerator
    let depth: Int
    private var number = 0
    /// Only the last field of a oneof stays, so now and then the walk ends early.
    private let last: Int

    init(generator: SeededGenerator, depth: Int) {
        var generator = generator
        last = Bool.random(using: &generator) ? 64 : Int.random(in: 1...64, using: &generator)
        self.generator = generator
        self.depth = depth
    }

    mutating func nextFieldNumber() -> Int? {
        repeat { number += 1 } while Int.random(in: 0..<4, using: &generator) == 0
        return number <= last ? number : nil
    }

    // A oneof is set again and again; the last value stays.
    mutating func handleConflictingOneOf() {}

    private mutating func text() -> String {
        let pieces = ["a", "Ω", "\"", "\\", "\n", "\u{0}", "\u{2028}", "🎈", "{", "é", "/", "\u{7F}", " "]
        let count = Int.random(in: 0...12, using: &generator)
        return (0..<count).map { _ in pieces[Int.random(in: 0..<pieces.count, using: &generator)] }.joined()
    }

    private mutating func enumeration<E: SwiftProtobuf.Enum>() -> E {
        // Values that this schema does not know are included: enumerations are open.
        E(rawValue: Int.random(in: 0...24, using: &generator)) ?? E()
    }

    mutating func decodeSingularInt32Field(value: inout Int32) {
        value = .random(in: .min ... .max, using: &generator)
    }
    mutating func decodeSingularInt64Field(value: inout Int64) {
        value = .random(in: .min ... .max, using: &generator)
    }
    mutating func decodeSingularUInt32Field(value: inout UInt32) {
        value = .random(in: .min ... .max, using: &generator)
    }
    mutating func decodeSingularUInt64Field(value: inout UInt64) {
        value = .random(in: .min ... .max, using: &generator)
    }
    mutating func decodeSingularBoolField(value: inout Bool) { value = .random(using: &generator) }
    mutating func decodeSingularBoolField(value: inout Bool?) { value = .random(using: &generator) }
    mutating func decodeSingularStringField(value: inout String) { value = text() }
    mutating func decodeSingularStringField(value: inout String?) { value = text() }
    mutating func decodeRepeatedStringField(value: inout [String]) { value.append(text()) }
    mutating func decodeSingularEnumField<E: SwiftProtobuf.Enum>(value: inout E) where E.RawValue == Int {
        value = enumeration()
    }
    mutating func decodeSingularEnumField<E: SwiftProtobuf.Enum>(value: inout E?) where E.RawValue == Int {
        value = enumeration()
    }
    mutating func decodeRepeatedEnumField<E: SwiftProtobuf.Enum>(value: inout [E]) where E.RawValue == Int {
        for _ in 0..<Int.random(in: 0...2, using: &generator) { value.append(enumeration()) }
    }
    mutating func decodeSingularMessageField<M: Message>(value: inout M?) throws {
        guard depth < 6 else { return }
        value = try M.random(using: &generator, depth: depth + 1)
    }
    mutating func decodeRepeatedMessageField<M: Message>(value: inout [M]) throws {
        guard depth < 6 else { return }
        for _ in 0..<Int.random(in: 0...2, using: &generator) {
            value.append(try M.random(using: &generator, depth: depth + 1))
        }
    }
}

// Kinds of fields that no message of the schema has: if one is added, a failing test says so.
extension RandomFields {
    mutating func decodeSingularFloatField(value: inout Float) throws { throw NotInSchema() }
    mutating func decodeSingularFloatField(value: inout Float?) throws { throw NotInSchema() }
    mutating func decodeRepeatedFloatField(value: inout [Float]) throws { throw NotInSchema() }
    mutating func decodeSingularDoubleField(value: inout Double) throws { throw NotInSchema() }
    mutating func decodeSingularDoubleField(value: inout Double?) throws { throw NotInSchema() }
    mutating func decodeRepeatedDoubleField(value: inout [Double]) throws { throw NotInSchema() }
    mutating func decodeSingularInt32Field(value: inout Int32?) throws { throw NotInSchema() }
    mutating func decodeRepeatedInt32Field(value: inout [Int32]) throws { throw NotInSchema() }
    mutating func decodeSingularInt64Field(value: inout Int64?) throws { throw NotInSchema() }
    mutating func decodeRepeatedInt64Field(value: inout [Int64]) throws { throw NotInSchema() }
    mutating func decodeSingularUInt32Field(value: inout UInt32?) throws { throw NotInSchema() }
    mutating func decodeRepeatedUInt32Field(value: inout [UInt32]) throws { throw NotInSchema() }
    mutating func decodeSingularUInt64Field(value: inout UInt64?) throws { throw NotInSchema() }
    mutating func decodeRepeatedUInt64Field(value: inout [UInt64]) throws { throw NotInSchema() }
    mutating func decodeSingularSInt32Field(value: inout Int32) throws { throw NotInSchema() }
    mutating func decodeSingularSInt32Field(value: inout Int32?) throws { throw NotInSchema() }
    mutating func decodeRepeatedSInt32Field(value: inout [Int32]) throws { throw NotInSchema() }
    mutating func decodeSingularSInt64Field(value: inout Int64) throws { throw NotInSchema() }
    mutating func decodeSingularSInt64Field(value: inout Int64?) throws { throw NotInSchema() }
    mutating func decodeRepeatedSInt64Field(value: inout [Int64]) throws { throw NotInSchema() }
    mutating func decodeSingularFixed32Field(value: inout UInt32) throws { throw NotInSchema() }
    mutating func decodeSingularFixed32Field(value: inout UInt32?) throws { throw NotInSchema() }
    mutating func decodeRepeatedFixed32Field(value: inout [UInt32]) throws { throw NotInSchema() }
    mutating func decodeSingularFixed64Field(value: inout UInt64) throws { throw NotInSchema() }
    mutating func decodeSingularFixed64Field(value: inout UInt64?) throws { throw NotInSchema() }
    mutating func decodeRepeatedFixed64Field(value: inout [UInt64]) throws { throw NotInSchema() }
    mutating func decodeSingularSFixed32Field(value: inout Int32) throws { throw NotInSchema() }
    mutating func decodeSingularSFixed32Field(value: inout Int32?) throws { throw NotInSchema() }
    mutating func decodeRepeatedSFixed32Field(value: inout [Int32]) throws { throw NotInSchema() }
    mutating func decodeSingularSFixed64Field(value: inout Int64) throws { throw NotInSchema() }
    mutating func decodeSingularSFixed64Field(value: inout Int64?) throws { throw NotInSchema() }
    mutating func decodeRepeatedSFixed64Field(value: inout [Int64]) throws { throw NotInSchema() }
    mutating func decodeRepeatedBoolField(value: inout [Bool]) throws { throw NotInSchema() }
    mutating func decodeSingularBytesField(value: inout Data) throws { throw NotInSchema() }
    mutating func decodeSingularBytesField(value: inout Data?) throws { throw NotInSchema() }
    mutating func decodeRepeatedBytesField(value: inout [Data]) throws { throw NotInSchema() }
    mutating func decodeSingularGroupField<G: Message>(value: inout G?) throws { throw NotInSchema() }
    mutating func decodeRepeatedGroupField<G: Message>(value: inout [G]) throws { throw NotInSchema() }
    mutating func decodeMapField<KeyType, ValueType: MapValueType>(
        fieldType: _ProtobufMap<KeyType, ValueType>.Type, value: inout _ProtobufMap<KeyType, ValueType>.BaseType
    ) throws { throw NotInSchema() }
    mutating func decodeMapField<KeyType, ValueType>(
        fieldType: _ProtobufEnumMap<KeyType, ValueType>.Type,
        value: inout _ProtobufEnumMap<KeyType, ValueType>.BaseType
    ) throws where ValueType.RawValue == Int { throw NotInSchema() }
    mutating func decodeMapField<KeyType, ValueType>(
        fieldType: _ProtobufMessageMap<KeyType, ValueType>.Type,
        value: inout _ProtobufMessageMap<KeyType, ValueType>.BaseType
    ) throws { throw NotInSchema() }
    mutating func decodeExtensionField(
        values: inout ExtensionFieldValueSet, messageType: any Message.Type, fieldNumber: Int
    ) throws { throw NotInSchema() }
    mutating func decodeExtensionFieldsAsMessageSet(
        values: inout ExtensionFieldValueSet, messageType: any Message.Type
    ) throws { throw NotInSchema() }
}
