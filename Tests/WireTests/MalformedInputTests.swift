import SwiftProtobuf
import Testing
import Wire

/// Whatever a peer sends causes nothing worse than an error.
@Suite struct MalformedInputTests {
    @Test(arguments: [
        "", " ", "null", "[]", "1", "\"text\"", "{", "{\"id\":", "{\"id\":1,}", "{\"id\":1}}", "{\"id\":-1}",
        "{\"id\":1.5}",
        "{\"id\":4294967296}", "{\"id\":1e400}", "{\"id\":\"x\"}", "{\"ack\":\"18446744073709551616\"}", "{\"ack\":-1}",
        "{\"ack\":1e20}", "{\"hello\":[]}", "{\"hello\":7}", "{\"hello\":{\"accessToken\":7}}",
        "{\"hello\":{},\"ping\":{}}",
        "{\"hello\":{\"device\":\"x\"}}", "{id:1}", "{\"callInvite\":{\"type\":[]}}",
        "{\"hello\":{\"accessToken\":\"\\ud800\"}}",
        "{\"hello\":{\"accessToken\":\"\\u12\"}}", "{\"sendMessage\":{\"userId\":\"a\",\"conversationId\":\"b\"}}",
    ])
    func wrongJSONIsMalformed(text: String) {
        let fault = #expect(throws: WireFault.self) {
            try Encoding.json.decode(WireClientFrame.self, from: Array(text.utf8))
        }
        #expect(fault?.code == .malformed)
    }

    @Test(
        arguments: [
            [0x08], [0x12, 0x05, 0x01], [0x1A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01],
            [0x1A, 0x04, 0x0A, 0x02, 0xC3, 0x28], [0x07], [0x00, 0x00], [0x1B], [0x0B, 0x14],
            [0x08, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
        ] as [[UInt8]])
    func wrongProtobufIsMalformed(bytes: [UInt8]) {
        let fault = #expect(throws: WireFault.self) { try Encoding.protobuf.decode(WireClientFrame.self, from: bytes) }
        #expect(fault?.code == .malformed)
    }

    @Test func deepNestingIsRefusedAndNotFollowed() throws {
        let depth = 100_000
        let objects = String(repeating: "{\"x\":", count: depth) + "1" + String(repeating: "}", count: depth)
        #expect(throws: WireFault.self) { try Encoding.json.decode(WireClientFrame.self, from: Array(objects.utf8)) }
        let mixed = "{\"x\":" + String(repeating: "[{\"y\":", count: depth)
        #expect(throws: WireFault.self) { try Encoding.json.decode(WireClientFrame.self, from: Array(mixed.utf8)) }
        let arrays =
            "{\"x\":" + String(repeating: "[", count: depth) + String(repeating: "]", count: depth) + ",\"id\":7}"
        #expect(throws: WireFault.self) { try Encoding.json.decode(WireClientFrame.self, from: Array(arrays.utf8)) }
        // Groups are the only thing in protobuf that nests without lengths.
        #expect(throws: WireFault.self) {
            try Encoding.protobuf.decode(WireClientFrame.self, from: [UInt8](repeating: 0x0B, count: depth))
        }
    }

    @Test func invalidUTF8InJSONIsMalformed() {
        let bytes = Array("{\"hello\":{\"accessToken\":\"".utf8) + [0xC3, 0x28] + Array("\"}}".utf8)
        #expect(throws: WireFault.self) { try Encoding.json.decode(WireClientFrame.self, from: bytes) }
    }

    @Test func unknownThingsAreIgnored() throws {
        let text = """
            {"id":3,"fromTheFuture":{"a":[1,{"b":null}]},"callInvite":{"type":"CALL_TYPE_HOLOGRAM","userId":"u"}}
            """
        let frame = try Encoding.json.decode(WireClientFrame.self, from: Array(text.utf8))
        #expect(frame.id == 3 && frame.callInvite.userID == "u" && frame.callInvite.type == .unspecified)
        // Field 999 as a text, then the id.
        let binary: [UInt8] = [0xBA, 0x3E, 0x02, 0x68, 0x69, 0x08, 0x03]
        let decoded = try Encoding.protobuf.decode(WireClientFrame.self, from: binary)
        #expect(decoded == WireClientFrame.with { $0.id = 3 })
    }

    @Test func randomBytesGiveAnErrorOrAMessageAndNothingElse() throws {
        var generator = SeededGenerator(seed: 42)
        for _ in 0..<3000 {
            var bytes: [UInt8]
            let encoding: Encoding = Bool.random(using: &generator) ? .protobuf : .json
            bytes = try encoding.encode(WireClientFrame.random(using: &generator))
            // A few bytes are changed, added or cut off.
            for _ in 0..<Int.random(in: 1...6, using: &generator) where !bytes.isEmpty {
                let place = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0..<3, using: &generator) {
                case 0: bytes[place] = .random(in: 0...255, using: &generator)
                case 1: bytes.insert(.random(in: 0...255, using: &generator), at: place)
                default: bytes.removeLast(Int.random(in: 0...bytes.count - place, using: &generator))
                }
            }
            do {
                _ = try encoding.decode(WireClientFrame.self, from: bytes)
            } catch {
                #expect(error.code == .malformed)
            }
        }
    }
}
