import CAllocations
import SwiftProtobuf
import Testing
import Wire

/// Whatever a peer sends costs no more than a factor of its length to decode.
///
/// What is measured are the bytes that are allocated: every run measures the same, on a busy machine, too.
@Suite(.enabled(if: counts_allocations())) struct DecodingCostTests {
    /// What a server decodes: frames in both encodings, and the bodies of requests.
    static let cases: [(type: String, encoding: Encoding)] =
        [("ClientFrame", .protobuf), ("ClientFrame", .json)]
        + ((try? Schema())?.messages.keys.filter { $0.hasSuffix("Request") }.sorted() ?? []).map { ($0, .json) }

    @Test(arguments: cases)
    func whatAServerDecodesCostsAFactorOfItsLength(type: String, encoding: Encoding) throws {
        let decoded = try #require(SchemaTests.types.first { $0.protoMessageName == "ringback.v1.\(type)" })
        let shapes = try Schema().hostileShapes(of: type, as: encoding)
        try #require(shapes.count > 10)
        for shape in shapes {
            let cost = Self.growth(of: shape) { Self.decode(decoded, as: encoding, from: $0) }
            #expect(cost.isLinear, "\(shape.name) in \(encoding): \(cost)")
        }
    }

    @Test func aCommandThatIsMergedAgainAndAgainIsFoundByTheMeasure() throws {
        // The decoder by itself does it. If this fails, it has been mended, and frames may be decoded without a look.
        let shape = try #require(
            Schema().hostileShapes(of: "ClientFrame", as: .protobuf).first {
                $0.name == "ClientFrame: call_invite { user_ids × n }, then { one } × n"
            })
        let cost = Self.growth(of: shape) { _ = try? WireClientFrame(serializedBytes: $0) }
        #expect(!cost.isLinear, "\(cost)")
    }

    @Test func theCounterCounts() {
        let before = allocated_bytes()
        let array = [UInt8](repeating: 1, count: 100_000)
        #expect(allocated_bytes() - before >= 100_000)
        #expect(array.count == 100_000)
    }

    private static func decode(_ type: any Message.Type, as encoding: Encoding, from bytes: [UInt8]) {
        if type == WireClientFrame.self {
            _ = try? RawClientFrame(bytes, as: encoding).decoded()
        } else {
            _ = try? encoding.decode(type, from: bytes)
        }
    }

    private static func growth(of shape: HostileShape, _ decode: ([UInt8]) -> Void) -> Growth {
        func measured(_ count: Int) -> (bytes: Int, allocated: Int) {
            let bytes = shape.bytes(count)
            let before = allocated_bytes()
            decode(bytes)
            return (bytes.count, Int(allocated_bytes() - before))
        }
        // What is made once, as the tables of names, is not of interest.
        _ = measured(1)
        // Powers of two, so that arrays that grow by doubling have as much room to spare in both.
        return Growth(small: measured(128), large: measured(512))
    }

    /// What a shape costs in two sizes, the second one four times the first.
    private struct Growth: CustomStringConvertible {
        var small: (bytes: Int, allocated: Int)
        var large: (bytes: Int, allocated: Int)

        /// A constant share is forgiven.
        var isLinear: Bool { large.allocated <= 5 * small.allocated + 16 * 1024 }
        var description: String {
            "\(small.bytes) bytes allocate \(small.allocated), \(large.bytes) bytes \(large.allocated)"
        }
    }
}
