public import SwiftProtobuf

/// The encoding of the frames of one socket: one schema, two forms.
public enum Encoding: Sendable, Hashable, CaseIterable {
    /// Protobuf in binary WebSocket messages.
    case protobuf
    /// Canonical protobuf JSON in text WebSocket messages.
    case json

    /// Its WebSocket subprotocol (RFC 6455 §1.9).
    public var subprotocol: String {
        switch self {
        case .protobuf: "ringback.v1.proto"
        case .json: "ringback.v1.json"
        }
    }

    /// The encoding of a subprotocol; nil for an unknown one.
    public init?(subprotocol: some StringProtocol) {
        guard let encoding = Self.allCases.first(where: { $0.subprotocol == subprotocol }) else { return nil }
        self = encoding
    }
}

extension Encoding {
    /// How deep messages from a peer may be nested; our schema needs five levels.
    public static let deepestNesting = 16

    /// Reads a message.
    ///
    /// Unknown fields are ignored, and in JSON also unknown names of enumeration values. The bytes are checked first:
    /// JSON, so that its characters are read as intended, and both, so that the cost stays proportional to the length
    /// of what a peer sends. Servers read the frames of clients by `RawClientFrame`.
    /// - Throws: `malformed` for anything that is not such a message.
    public func decode<Decoded: Message>(_ type: Decoded.Type, from bytes: [UInt8]) throws(WireFault) -> Decoded {
        switch self {
        case .protobuf:
            try MessageOneofs.known(of: type).check(bytes)
            return try decodeOutlined(type, from: bytes)
        case .json:
            let outline = JSONOutline(of: bytes)
            if let fault = outline.fault { throw fault }
            return try decodeOutlined(
                type, from: outline.hasSurrogatePairs ? JSONOutline.joiningSurrogates(in: bytes) : bytes)
        }
    }

    /// Reads a message whose bytes were checked.
    func decodeOutlined<Decoded: Message>(_ type: Decoded.Type, from bytes: [UInt8]) throws(WireFault) -> Decoded {
        do {
            switch self {
            case .protobuf:
                var options = BinaryDecodingOptions()
                options.messageDepthLimit = Self.deepestNesting
                options.discardUnknownFields = true
                return try Decoded(serializedBytes: bytes, options: options)
            case .json:
                var options = JSONDecodingOptions()
                options.messageDepthLimit = Self.deepestNesting
                options.ignoreUnknownFields = true
                return try Decoded(jsonUTF8Bytes: bytes, options: options)
            }
        } catch let error as JSONDecodingError {
            // Its cases contain nothing but field names.
            throw WireFault(.malformed, "This is not \(Decoded.protoMessageName) in protobuf JSON: \(error).")
        } catch {
            throw WireFault(.malformed, "This is not \(Decoded.protoMessageName) in protobuf.")
        }
    }

    /// Writes a message.
    /// - Throws: `unwritable` when JSON has no form for a value, such as a time outside the years 1 to 9999.
    public func encode(_ message: some Message) throws(WireFault) -> [UInt8] {
        do {
            switch self {
            case .protobuf: return try message.serializedBytes()
            case .json: return try message.jsonUTF8Bytes()
            }
        } catch {
            throw WireFault(.unwritable, "A \(type(of: message).protoMessageName) cannot be written: \(error).")
        }
    }
}

/// Why bytes cannot be read, or a message cannot be written.
public struct WireFault: Error, Sendable, Equatable, CustomStringConvertible {
    /// What a caller can act upon.
    public enum Code: Sendable, Equatable {
        /// The peer's bytes are invalid.
        case malformed
        /// Our own message has a value that cannot be written: a bug in the program.
        case unwritable
    }

    /// What a caller can act upon.
    public var code: Code
    /// For people; shows none of the contents.
    public var message: String

    /// Makes a fault.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// Code and message.
    public var description: String { "\(code): \(message)" }
}
