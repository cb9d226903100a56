import SwiftProtobuf
import Testing

@testable import Wire

/// What is known of a frame before it is decoded.
@Suite struct RawClientFrameTests {
    /// Malformed JSON, and the id that its sender is answered with.
    @Test(arguments: [
        (#"{"id":7,"sendMessage":{"body":"\ud800"}}"#, 7), (#"{"sendMessage":{"body":"\ud800"},"id":7}"#, 7),
        (#"{"sendMessage":{"body":"\udc00\ud800"},"id":7}"#, 7),
        (#"{"sendMessage":{"body":"\ud83d \ude00"},"id":7}"#, 7),
        (#"{"future":"\ud800","id":7}"#, 7), (#"{"f\ud800":1,"id":7}"#, 7), (#"{"future":1e400,"id":7}"#, 7),
        (#"{"future":[{"x":-1e400}],"id":7}"#, 7), (#"{"future":01,"id":7}"#, 7), (#"{"future":nul,"id":7}"#, 7),
        (#"{"id":"7","ping":1}"#, 7), (#"{ "id" : 4294967295 , "ping":1}"#, 4_294_967_295),
        (#"{"id":4294967296}"#, 0), (#"{"id":1e400}"#, 0), (#"{"id":7.5}"#, 0), (#"{"id":-1}"#, 0),
        (#"{"future":{"id":9},"ping":1}"#, 0), (#"{"id":7,"ping":{}"#, 7), (#"{"id":7,"ping":{}}}"#, 7),
        (#"{"id":7,"id":8}"#, 7), (#"{"id":7,"ping":{},"ping":{}}"#, 7), (#"{"id":7,"ping":{},"hello":{}}"#, 7),
        (#"{"id":7,"callAdd":{"userIds":[],"userIds":[]}}"#, 7), (#"{"id":7,"future":{"a":1,"a":2}}"#, 7),
        (#"{"ping":{},"#, 0), ("", 0), ("[", 0), ("7", 0),
    ])
    func malformedJSONIsAnsweredWithItsID(text: String, id: UInt32) {
        let raw = RawClientFrame(Array(text.utf8), as: .json)
        #expect(throws: WireFault.self) { try raw.decoded() }
        #expect(raw.id == id)
    }

    @Test(
        arguments: [
            // A text that is not UTF-8, before and after the id.
            ([0x08, 0x07, 0xC2, 0x02, 0x04, 0x0A, 0x02, 0xC3, 0x28], 7),
            ([0xC2, 0x02, 0x04, 0x0A, 0x02, 0xC3, 0x28, 0x08, 0x07], 7),
            // Two commands, one twice, the id twice.
            ([0x08, 0x07, 0x22, 0x00, 0x1A, 0x00], 7), ([0x22, 0x00, 0x22, 0x00, 0x08, 0x07], 7),
            ([0x08, 0x07, 0x08, 0x08], 7), ([0x08, 0x07, 0x10, 0x01, 0x10, 0x01], 7),
            // Cut off, a group, a field with the number 0, a length beyond the end.
            ([0x08, 0x07, 0x22], 7), ([0x08, 0x07, 0x9B, 0x3E, 0x9C, 0x3E], 7), ([0x08, 0x07, 0x00, 0x00], 7),
            ([0x08, 0x07, 0x1A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01], 7),
            ([0x08], 0), ([0x08, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01], 0),
        ] as [([UInt8], UInt32)])
    func malformedProtobufIsAnsweredWithItsID(bytes: [UInt8], id: UInt32) {
        let raw = RawClientFrame(bytes, as: .protobuf)
        #expect(throws: WireFault.self) { try raw.decoded() }
        #expect(raw.id == id)
    }

    @Test func everyFrameThatIsWellFormedIsDecodedAsItWas() throws {
        var generator = SeededGenerator(seed: 18)
        for encoding in Encoding.allCases {
            for _ in 0..<500 {
                let frame = try WireClientFrame.random(using: &generator)
                let raw = RawClientFrame(try encoding.encode(frame), as: encoding)
                #expect(try raw.decoded() == encoding.decode(WireClientFrame.self, from: encoding.encode(frame)))
                #expect(raw.id == frame.id)
                if case .hello? = frame.command { #expect(raw.isHello) } else { #expect(!raw.isHello) }
            }
        }
    }

    @Test func unknownFieldsAreNoFault() throws {
        let ping = WireClientFrame.with {
            $0.id = 3
            $0.ping = .init()
        }
        let text = #"{"future":{"a":[1,{"b":null},"x"],"c":-1.5e+3},"id":3,"ping":{"tomorrow":true}}"#
        #expect(try RawClientFrame(Array(text.utf8), as: .json).decoded() == ping)
        // The fields 63 and 999 twice each, then the id and a ping.
        let future: [UInt8] = [0xFA, 0x03, 0x01, 0x61, 0xB8, 0x3E, 0x01]
        #expect(try RawClientFrame(future + future + [0x08, 0x03, 0x22, 0x00], as: .protobuf).decoded() == ping)
    }

    @Test func everyCommandOfTheSchemaIsKnown() throws {
        let fields = try #require(Schema().fields(of: "ClientFrame"))
        let numbers = fields.map(\.number).filter { $0 > 2 }
        #expect(numbers.allSatisfy { $0 < 64 })
        #expect(ProtobufOutline.commandBits == numbers.reduce(0) { $0 | 1 << UInt64($1) })
    }

    @Test func anObjectMayHave64Names() {
        for (count, isWell) in [(64, true), (65, false)] {
            let names = (0..<count).map { "\"x\($0)\":1" }.joined(separator: ",")
            let raw = RawClientFrame(Array("{\"y\":{\(names)},\"id\":7}".utf8), as: .json)
            #expect(((try? raw.decoded()) != nil) == isWell)
            #expect(raw.id == 7)
        }
    }

    @Test func jsonMayBeNested32Deep() {
        for (count, isWell) in [(31, true), (32, false)] {
            let arrays = String(repeating: "[", count: count) + String(repeating: "]", count: count)
            let raw = RawClientFrame(Array("{\"id\":7,\"y\":\(arrays)}".utf8), as: .json)
            #expect(((try? raw.decoded()) != nil) == isWell)
            #expect(raw.id == 7)
        }
    }
}

/// Characters that JSON may write as two escapes.
@Suite struct SurrogateTests {
    private static func escaped(_ scalar: Unicode.Scalar, upper: Bool) -> String {
        String(scalar).utf16.map {
            let digits = String($0, radix: 16, uppercase: upper)
            return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        }.joined()
    }

    @Test func everyPlaneComesBackAsItWas() throws {
        for plane in 0...16 as ClosedRange<UInt32> {
            for low in [0x0041, 0x0BB7, 0xFFFD] as [UInt32] {
                let scalar = try #require(Unicode.Scalar(plane << 16 | low))
                for upper in [false, true] {
                    let text = "{\"accessToken\":\"a\(Self.escaped(scalar, upper: upper))z\"}"
                    let hello = try Encoding.json.decode(WireHello.self, from: Array(text.utf8))
                    #expect(hello.accessToken == "a\(scalar)z", "U+\(String(scalar.value, radix: 16))")
                    let frame = RawClientFrame(Array("{\"hello\":\(text)}".utf8), as: .json)
                    #expect(try frame.decoded().hello == hello)
                }
            }
        }
    }

    /// The text in JSON, and what it means.
    @Test(arguments: [
        (#"\ud842\udfb7"#, "𠮷"), (#"\uD842\uDFB7\ud842\udfb7"#, "𠮷𠮷"), (#"\\ud842\\udfb7"#, #"\ud842\udfb7"#),
        (#"\\\ud842\udfb7\\"#, #"\𠮷\"#), (#"\"\ud842\udfb7\""#, "\"𠮷\""), (#"\u0041\ud842\udfb7\n"#, "A𠮷\n"),
        (#"𠮷\ud83d\ude00"#, "𠮷😀"), (#"\u005cud842"#, #"\ud842"#),
    ])
    func pairsAreJoinedAndNothingElse(json: String, text: String) throws {
        let bytes = Array("{\"name\":\"\(json)\"}".utf8)
        #expect(try Encoding.json.decode(WireDevice.self, from: bytes).name == text)
    }

    @Test(arguments: [#"\ud842"#, #"\ud842x"#, #"\ud842\u0041"#, #"\ud842\ud842"#, #"\udfb7\ud842"#, #"\ud842\\udfb7"#])
    func halvesAreMalformedEverywhere(json: String) {
        for text in ["{\"name\":\"\(json)\"}", "{\"future\":\"\(json)\"}", "{\"\(json)\":1}"] {
            let fault = #expect(throws: WireFault.self) {
                try Encoding.json.decode(WireDevice.self, from: Array(text.utf8))
            }
            #expect(fault?.code == .malformed)
        }
    }

    @Test func theDecoderByItselfLosesAPlane() throws {
        // If this fails, swift-protobuf has been fixed, and the workaround may be removed: docs/decisions/0018.
        let device = try WireDevice(jsonUTF8Bytes: Array(#"{"name":"\ud842\udfb7"}"#.utf8))
        #expect(device.name == "\u{10BB7}")
    }
}
