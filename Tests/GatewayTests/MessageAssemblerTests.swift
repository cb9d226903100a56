import Delivery
import NIOCore
import NIOWebSocket
import Testing
import Wire

@testable import Gateway

/// The assembler alone: random fragmentation gives the same message, and random frames cause nothing worse than a
/// refusal.
@Suite struct MessageAssemblerTests {
    private func frame(
        _ opcode: WebSocketOpcode, _ bytes: [UInt8], isFinal: Bool = true, isMasked: Bool = true
    ) -> WebSocketFrame {
        var data = ByteBuffer(bytes: bytes)
        let key: WebSocketMaskingKey? = isMasked ? [1, 2, 3, 4] : nil
        if let key { data.webSocketMask(key) }
        return WebSocketFrame(fin: isFinal, opcode: opcode, maskKey: key, data: data)
    }

    @Test func aMessageMayComeInAnyPieces() {
        var generator = SystemRandomNumberGenerator()
        let text = Array("{\"body\":\"žluťoučký 🎈 kůň\"}".utf8)
        for _ in 0..<300 {
            var assembler = MessageAssembler(kinds: [.text], limit: 1000)
            let count = Int.random(in: 0...6, using: &generator)
            var cuts = (0..<count).map { _ in Int.random(in: 0...text.count) }.sorted()
            cuts.append(text.count)
            var start = 0
            for (index, cut) in cuts.enumerated() {
                let isLast = index == cuts.count - 1
                let opcode: WebSocketOpcode = index == 0 ? .text : .continuation
                let output = assembler.handle(frame(opcode, Array(text[start..<cut]), isFinal: isLast))
                #expect(output == (isLast ? .message(.text, text) : .nothing))
                if !isLast { #expect(assembler.handle(frame(.pong, [])) == .nothing) }
                start = cut
            }
        }
    }

    @Test func theLimitIsExact() {
        var assembler = MessageAssembler(kinds: [.binary], limit: 10)
        #expect(assembler.handle(frame(.binary, [UInt8](repeating: 0, count: 10))) != .refuse(.messageTooBig))
        #expect(assembler.handle(frame(.binary, [UInt8](repeating: 0, count: 6), isFinal: false)) == .nothing)
        #expect(assembler.handle(frame(.continuation, [UInt8](repeating: 0, count: 5))) == .refuse(.messageTooBig))
    }

    @Test func twoMessagesCannotBeMixed() {
        var assembler = MessageAssembler(kinds: [.text], limit: 10)
        #expect(assembler.handle(frame(.text, [0x20], isFinal: false)) == .nothing)
        #expect(assembler.handle(frame(.text, [0x20])) == .refuse(.protocolError))
    }

    @Test func wrongTextIsRefusedAtItsFirstWrongFragment() {
        // Everything that UTF-8 forbids (RFC 3629 §3 and §4), and after how many bytes it can be known.
        let wrong: [([UInt8], Int)] = [
            ([0x80], 1), ([0xC0, 0xAF], 1), ([0xC1, 0x81], 1), ([0xC3, 0x28], 2), ([0xE0, 0x80, 0xAF], 2),
            ([0xE2, 0x82, 0x28], 3), ([0xED, 0xA0, 0x80], 2), ([0xF0, 0x80, 0x80, 0xAF], 2), ([0xF0, 0x9F, 0x28], 3),
            ([0xF4, 0x90, 0x80, 0x80], 2), ([0xF5, 0x80, 0x80, 0x80], 1), ([0xFF], 1),
        ]
        for (bytes, count) in wrong {
            for before in ["", "a", "κόσμε", "🎈"] {
                var assembler = MessageAssembler(kinds: [.text], limit: 100)
                #expect(assembler.handle(frame(.text, Array(before.utf8), isFinal: false)) == .nothing)
                for (index, byte) in bytes.prefix(count).enumerated() {
                    let output = assembler.handle(frame(.continuation, [byte], isFinal: false))
                    #expect(output == (index == count - 1 ? .refuse(.invalidText) : .nothing), "\(bytes) \(index)")
                }
            }
        }
    }

    @Test func textMustNotEndWithinACharacter() {
        for text in ["κ", "€", "🎈"] {
            let bytes = Array(text.utf8)
            for cut in 1..<bytes.count {
                var assembler = MessageAssembler(kinds: [.text], limit: 100)
                #expect(assembler.handle(frame(.text, Array(bytes[..<cut]), isFinal: false)) == .nothing)
                #expect(assembler.handle(frame(.continuation, [])) == .refuse(.invalidText))
            }
        }
    }

    @Test func anEchoTakesBothKinds() {
        var assembler = MessageAssembler(kinds: Set(MessageAssembler.Kind.allCases), limit: 10)
        #expect(assembler.handle(frame(.binary, [0xFF])) == .message(.binary, [0xFF]))
        #expect(assembler.handle(frame(.text, [0x61])) == .message(.text, [0x61]))
        #expect(assembler.handle(frame(.text, [0xFF])) == .refuse(.invalidText))
    }

    @Test func protobufNeedsNoUTF8() {
        var assembler = MessageAssembler(kinds: [.binary], limit: 10)
        #expect(assembler.handle(frame(.binary, [0xC3, 0x28])) == .message(.binary, [0xC3, 0x28]))
    }

    @Test(
        arguments: [
            ([], .close(nil)), ([0x03, 0xE8], .close(1000)), ([0x0F, 0xA0, 0x61], .close(4000)),
            ([0x03], .refuse(.protocolError)),
            ([0x03, 0xED], .refuse(.protocolError)), ([0x03, 0xE7], .refuse(.protocolError)),
            ([0x13, 0x88], .refuse(.protocolError)), ([0x03, 0xE8, 0xC3, 0x28], .refuse(.invalidText)),
        ] as [([UInt8], MessageAssembler.Output)])
    func closeFramesAreChecked(payload: [UInt8], output: MessageAssembler.Output) {
        var assembler = MessageAssembler(kinds: [.text], limit: 10)
        #expect(assembler.handle(frame(.connectionClose, payload)) == output)
    }

    @Test func randomFramesAreTakenOrRefused() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<2000 {
            var assembler = MessageAssembler(kinds: [.text], limit: 64)
            for _ in 0..<8 {
                let bytes = (0..<Int.random(in: 0...40, using: &generator)).map { _ in UInt8.random(in: 0...255) }
                let random = frame(
                    WebSocketOpcode(encodedWebSocketOpcode: .random(in: 0...15)) ?? .text, bytes, isFinal: .random(),
                    isMasked: Int.random(in: 0..<10) != 0)
                if case .refuse = assembler.handle(random) { break }
            }
        }
    }
}
