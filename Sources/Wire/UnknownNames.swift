public import SwiftProtobuf

extension Encoding {
    /// Reads a message from JSON as `decode` does, but refuses names that its enumerations do not have. Unknown fields
    /// are still ignored.
    ///
    /// `decode` treats a field with an unknown name as missing, which is right for what newer peers send, and wrong
    /// where a peer requests a setting by its name.
    /// - Throws: `malformed` with the field's name.
    public static func decodeKnownNames<Decoded: Message>(
        _ type: Decoded.Type, fromJSON bytes: [UInt8]
    ) throws(WireFault) -> Decoded {
        let message = try Encoding.json.decode(type, from: bytes)
        guard ignores(bytes, in: type) else { return message }
        // Something was ignored: checking the fields one by one shows whether it was a field or a name.
        let fields: [String: Google_Protobuf_Value]
        do {
            fields = try Google_Protobuf_Struct(jsonUTF8Bytes: bytes).fields
        } catch {
            throw WireFault(.malformed, "This is not \(Decoded.protoMessageName) in protobuf JSON.")
        }
        for (name, value) in fields.sorted(by: { $0.key < $1.key }) {
            let alone = Google_Protobuf_Struct(fields: [name: value])
            guard let text = try? alone.jsonUTF8Bytes() as [UInt8], hasUnknownName(text, in: type) else { continue }
            throw WireFault(.malformed, "\(name) has a value that this server does not know.")
        }
        return message
    }

    private static func ignores<Read: Message>(_ bytes: [UInt8], in type: Read.Type) -> Bool {
        (try? Read(jsonUTF8Bytes: bytes, options: strict)) == nil
    }

    private static func hasUnknownName<Read: Message>(_ bytes: [UInt8], in type: Read.Type) -> Bool {
        do {
            _ = try Read(jsonUTF8Bytes: bytes, options: strict)
            return false
        } catch {
            if case .unrecognizedEnumValue? = error as? JSONDecodingError { return true }
            return false
        }
    }

    private static var strict: JSONDecodingOptions {
        var options = JSONDecodingOptions()
        options.messageDepthLimit = deepestNesting
        return options
    }
}
