import SwiftProtobuf
import Testing
import Wire

@Suite struct EncodedEventTests {
    @Test(arguments: Encoding.allCases, [1, 127, 128, 16_383, 16_384, UInt64(UInt32.max), UInt64.max])
    func aStampedEventIsTheFrameThatWasMeant(encoding: Encoding, seq: UInt64) throws {
        var generator = SeededGenerator(seed: seq)
        let event = try WireEvent.random(using: &generator)
        let encoded = try EncodedEvent(event, as: encoding)
        let decoded = try encoding.decode(WireServerFrame.self, from: encoded.stamped(seq: seq))
        #expect(decoded.seq == seq)
        #expect(decoded.replyTo == 0)
        #expect(decoded.event == event)
    }

    @Test func theSeqStandsFirstInJSON() throws {
        let event = WireEvent.with { $0.callUpdated.call.id = "c" }
        let text = String(decoding: try EncodedEvent(event, as: .json).stamped(seq: 7), as: UTF8.self)
        #expect(text == #"{"seq":"7","event":{"callUpdated":{"call":{"id":"c"}}}}"#)
    }

    @Test func aTimeThatJSONCannotSayIsAFault() {
        let event = WireEvent.with { $0.callUpdated.call.startedAt.seconds = .max }
        let fault = #expect(throws: WireFault.self) { try EncodedEvent(event, as: .json) }
        #expect(fault?.code == .unwritable)
    }
}

@Suite struct EncodingTests {
    @Test func subprotocolsNameEncodings() {
        #expect(Encoding(subprotocol: "ringback.v1.proto") == .protobuf)
        #expect(Encoding(subprotocol: "ringback.v1.json") == .json)
        #expect(Encoding(subprotocol: "ringback.v2.json") == nil)
        #expect(Encoding(subprotocol: "") == nil)
    }
}
