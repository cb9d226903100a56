import Wire

/// A text or a message that is meant to cost more than it should, in any size.
struct HostileShape: Sendable {
    /// What it is, for the report of a failure.
    var name: String
    /// Makes it.
    /// - Parameter count: How many parts it has.
    var bytes: @Sendable (_ count: Int) -> [UInt8]
}

extension Schema {
    /// What may be hard to decode as a message of a type, valid or not. Types with a oneof are examined more deeply;
    /// the others are each measured alone.
    func hostileShapes(of type: String, as encoding: Encoding) -> [HostileShape] {
        let shapes =
            switch encoding {
            case .protobuf:
                repeatedFields(of: type, depth: choosing.contains(type) ? 0 : 1) + [alternatingFields(of: type)]
                    + Self.odditiesInProtobuf
            case .json: repeatedNames(of: type, depth: 0) + [alternatingNames(of: type)] + Self.odditiesInJSON
            }
        return shapes.map { HostileShape(name: "\(type): \($0.name)", bytes: $0.bytes) }
    }

    // MARK: Protobuf

    /// Every field again and again, alone and with each field inside it; also after one that is long.
    private func repeatedFields(of type: String, depth: Int) -> [HostileShape] {
        (fields(of: type) ?? []).flatMap { field -> [HostileShape] in
            let empty = fields(of: field.type) == nil && field.type != "string" ? [] : field.bytes([])
            let number = field.varint(1)
            var shapes = [
                HostileShape(name: "\(field.name) × n") { empty.isEmpty ? number.times($0) : empty.times($0) },
                HostileShape(name: "\(field.name), long") { field.bytes([0x31].times($0)) },
                HostileShape(name: "\(field.name), of another wire type") { number.times($0) },
            ]
            guard depth < 2 else { return shapes }
            for inner in repeatedFields(of: field.type, depth: depth + 1) {
                shapes += [
                    HostileShape(name: "\(field.name) { \(inner.name) }") { field.bytes(inner.bytes($0)) },
                    HostileShape(name: "\(field.name) { one of \(inner.name) } × n") {
                        field.bytes(inner.bytes(1)).times($0)
                    },
                    HostileShape(name: "\(field.name) { \(inner.name) }, then { one } × n") {
                        field.bytes(inner.bytes($0)) + field.bytes(inner.bytes(1)).times($0)
                    },
                ]
            }
            return shapes
        }
    }

    private func alternatingFields(of type: String) -> HostileShape {
        let fields = (fields(of: type) ?? []).filter { $0.type != "uint32" && $0.type != "uint64" }
        let round = fields.flatMap { $0.bytes([]) }
        return HostileShape(name: "all in turn") { round.times($0) }
    }

    private static let odditiesInProtobuf = [
        HostileShape(name: "unknown numbers") { [0xF8, 0x3F, 0x01].times($0) },
        HostileShape(name: "unknown texts") { [0xFA, 0x3F, 0x01, 0x61].times($0) },
        HostileShape(name: "groups in groups") { [0x9B, 0x3E].times($0) },
        HostileShape(name: "groups") { [0x9B, 0x3E, 0x9C, 0x3E].times($0) },
        HostileShape(name: "long tags") { [0xF8, 0xFF, 0xFF, 0xFF, 0x0F, 0x01].times($0) },
        HostileShape(name: "nothing but ends") { [0x0C].times($0) },
        HostileShape(name: "zeros") { [0].times($0) },
    ]

    // MARK: JSON

    private func repeatedNames(of type: String, depth: Int) -> [HostileShape] {
        (fields(of: type) ?? []).flatMap { field -> [HostileShape] in
            let name = "\"\(field.jsonName)\":"
            let value = fields(of: field.type) != nil ? "{}" : field.type == "string" ? "\"\"" : "1"
            let item = field.isRepeated ? "[\(value)]" : value
            var shapes =
                [
                    .json("\(field.name) × n") { "{" + "\(name)\(item),".times($0) + "\"x\":1}" },
                    .json("\(field.name), a list") { "{\(name)[" + "\(value),".times($0) + "\(value)]}" },
                    .json("\(field.name), a long text") { "{\(name)\"" + "1".times($0) + "\"}" },
                    .json("\(field.name), escapes") { "{\(name)\"" + #"\u0041\n"#.times($0) + "\"}" },
                    .json("\(field.name), surrogates") { "{\(name)\"" + #"\ud842\udfb7"#.times($0) + "\"}" },
                    .json("\(field.name), halves") { "{\(name)\"" + #"\ud842"#.times($0) + "\"}" },
                    .json("\(field.name), a long number") { "{\(name)" + "1".times($0) + "}" },
                    .json("\(field.name), null") { "{" + "\(name)null,".times($0) + "\"x\":1}" },
                ] as [HostileShape]
            guard depth < 1 else { return shapes }
            for inner in repeatedNames(of: field.type, depth: depth + 1) {
                shapes += [
                    HostileShape(name: "\(field.name) { \(inner.name) }") {
                        Array("{\(name)".utf8) + inner.bytes($0) + Array("}".utf8)
                    },
                    HostileShape(name: "\(field.name) { one of \(inner.name) } × n") {
                        let one = Array(name.utf8) + inner.bytes(1)
                        return Array("{".utf8) + (one + Array(",".utf8)).times($0) + one + Array("}".utf8)
                    },
                ]
            }
            return shapes
        }
    }

    private func alternatingNames(of type: String) -> HostileShape {
        let round = (fields(of: type) ?? []).map { "\"\($0.jsonName)\":null," }.joined()
        return .json("all in turn") { "{" + round.times($0) + "\"x\":1}" }
    }

    private static let odditiesInJSON: [HostileShape] = [
        .json("spaces") { "{" + " \t\r\n".times($0) + "}" },
        .json("unknown names") { count in "{" + (0..<count).map { "\"x\($0)\":1" }.joined(separator: ",") + "}" },
        .json("one unknown name") { "{" + "\"x\":1,".times($0) + "\"x\":1}" },
        .json("escaped names") { "{" + #""\u0069d":1,"#.times($0) + "\"x\":1}" },
        .json("a long name") { "{\"" + "x".times($0) + "\":1}" },
        .json("objects of names") { "{\"x\":[" + "{\"a\":1,\"b\":1},".times($0) + "1]}" },
        .json("arrays in arrays") { "{\"x\":" + "[".times($0) + "]".times($0) + "}" },
        .json("arrays that never end") { "{\"x\":" + "[".times($0) },
        .json("objects in objects") { "{\"x\":".times($0) + "1" + "}".times($0) },
        .json("objects in arrays") { "{\"x\":" + "[{\"y\":".times($0) },
        .json("many numbers") { "{\"x\":[" + "1e3,".times($0) + "1]}" },
        .json("backslashes") { "{\"x\":\"" + #"\\"#.times($0) + "\"}" },
        .json("no end of a text") { "{\"x\":\"" + #"\u"#.times($0) },
        .json("commas") { "{" + ",".times($0) + "}" },
        .json("nothing but braces") { "{".times($0) },
    ]
}

extension HostileShape {
    fileprivate static func json(_ name: String, _ text: @escaping @Sendable (Int) -> String) -> Self {
        HostileShape(name: name) { Array(text($0).utf8) }
    }
}

extension Schema.Field {
    /// The field with bytes in it.
    fileprivate func bytes(_ contents: [UInt8]) -> [UInt8] {
        Self.varint(number << 3 | 2) + Self.varint(contents.count) + contents
    }

    /// The field with a number in it.
    fileprivate func varint(_ value: Int) -> [UInt8] { Self.varint(number << 3) + Self.varint(value) }

    private static func varint(_ value: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = value
        while rest > 0x7F {
            bytes.append(UInt8(rest & 0x7F | 0x80))
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }
}

extension [UInt8] {
    fileprivate func times(_ count: Int) -> [UInt8] { Array([[UInt8]](repeating: self, count: count).joined()) }
}

extension String {
    fileprivate func times(_ count: Int) -> String { String(repeating: self, count: count) }
}
