import NIOCore
import Testing

@testable import Gateway

/// The lengths of frames, however the bytes are split.
@Suite struct FrameLengthsTests {
    /// The result when the bytes come in pieces that end at these places: how many bytes are good.
    private func good(_ bytes: [UInt8], cuts: [Int]) -> Int? {
        var lengths = FrameLengths()
        var start = 0
        for cut in cuts + [bytes.count] {
            if let count = lengths.take(ByteBuffer(bytes: bytes[start..<cut]).readableBytesView) {
                return start + count
            }
            start = cut
        }
        return nil
    }

    @Test func aWrongLengthIsFoundInWhateverPieces() {
        let before = [0, 125, 126, 65_535, 65_536].flatMap {
            SocketClient.bytes(opcode: 2, [UInt8](repeating: 0xFF, count: $0))
        }
        var generator = SystemRandomNumberGenerator()
        for wrong in [
            [0x82, 0xFE, 0, 125], [0x82, 0x7E, 0, 0], [0x82, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF],
            [0x82, 0xFF, 0x80, 0, 0, 0, 0, 1, 0, 0],
        ] as [[UInt8]] {
            let bytes = before + wrong + [UInt8](repeating: 0, count: 200)
            for _ in 0..<50 {
                let cuts = (0..<Int.random(in: 0...8, using: &generator)).map { _ in
                    Int.random(in: 0...bytes.count, using: &generator)
                }.sorted()
                // The bytes of the wrong frame that had come before may have been passed on.
                let expected = max(before.count, cuts.last { $0 <= before.count + wrong.count - 1 } ?? 0)
                #expect(good(bytes, cuts: cuts) == expected)
            }
            #expect(good(before, cuts: Array(before.indices.prefix(300))) == nil)
        }
    }
}
