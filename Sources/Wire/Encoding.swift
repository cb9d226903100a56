public import SwiftProtobuf

/// How the frames of one socket are written: one schema, two forms.
public enum Encoding: Sendable, Hashable, CaseIterable {
    /// Protobuf in binary WebSocket messages.
    case protobuf
    /// Canonical protobuf JSON in text WebSocket messages.
    case json

    /// The WebSocket subprotocol (RFC 6455 §1.9) that stands for it.
    public var subprotocol: String {
        switch self {
        case .protobuf: "ringback.v1.proto"
        case .json: "ringback.v1.json"
        }
    }

    /// The encoding that a subprotocol stands for; nil when it stands for none.
    public init?(subprotocol: some StringProtocol) {
        guard let encoding = Self.allCases.first(where: { $0.subprotocol == subprotocol }) else { return nil }
        self = encoding
    }
}

extension Encoding {
    /// How deep messages may be nested in what a peer sends; our schema needs five levels.
    public static let deepestNesting = 16

    /// Reads a message.
    ///
    /// Unknown fields are ignored, and in JSON unknown names of enumeration values, too. The bytes are looked through
    /// before: JSON, so that its characters come as they were meant, and both, so that whatever a peer sends costs no more
    /// than a factor of its length. Servers read the frames of clients by `RawClientFrame`.
    /// - Throws: `malformed` for anything that is no such message.
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

    /// Reads a message whose bytes were looked through.
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
            // Its cases hold no content but field names.
            throw WireFault(.malformed, "This is not \(Decoded.protoMessageName) in protobuf JSON: \(error).")
        } catch {
            throw WireFault(.malformed, "This is not \(Decoded.protoMessageName) in protobuf.")
        }
    }

    /// Writes a message.
    /// - Throws: `unwritable` when JSON has no form for a value, as for a time outside of the years 1 to 9999.
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

/// Why bytes are no message, or a message no bytes.
public struct WireFault: Error, Sendable, Equatable, CustomStringConvertible {
    /// What a caller can act upon.
    public enum Code: Sendable, Equatable {
        /// The peer's bytes are not what they should be.
        case malformed
        /// Our own message has a value that cannot be written: a fault of the program.
        case unwritable
    }

    /// What a caller can act upon.
    public var code: Code
    /// For people; holds nothing of the contents.
    public var message: String

    /// Makes a fault.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// Code and message.
    public var description: String { "\(code): \(message)" }
}
