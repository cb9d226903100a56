import CAllocations
import SwiftProtobuf
import Testing
import Wire

/// The cost of decoding stays proportional to the length of what a peer sends.
///
/// The test measures allocated bytes: every run measures the same, even on a busy machine.
@Suite(.enabled(if: counts_allocations())) struct DecodingCostTests {
    /// What a server or a client decodes.
    static let messages = (try? Schema())?.messages.keys.sorted() ?? []

    @Test(arguments: messages, Encoding.allCases)
    func everyMessageCostsAFactorOfItsLength(type: String, encoding: Encoding) throws {
        let decoded = try #require(SchemaTests.types.first { $0.protoMessageName == "ringback.v1.\(type)" })
        for shape in try Schema().hostileShapes(of: type, as: encoding) {
            let cost = Self.growth(of: shape) { _ = try? encoding.decode(decoded, from: $0) }
            #expect(cost.isLinear, "\(shape.name) in \(encoding): \(cost)")
        }
    }

    /// A server reads these in another way.
    @Test(arguments: Encoding.allCases)
    func framesOfClientsCostAFactorOfTheirLength(encoding: Encoding) throws {
        for shape in try Schema().hostileShapes(of: "ClientFrame", as: encoding) {
            let cost = Self.growth(of: shape) { _ = try? RawClientFrame($0, as: encoding).decoded() }
            #expect(cost.isLinear, "\(shape.name) in \(encoding): \(cost)")
        }
    }

    @Test func theMessagesAreAllThatThereAre() throws {
        #expect(Self.messages.count == SchemaTests.types.count)
        for encoding in Encoding.allCases {
            #expect(try Schema().hostileShapes(of: "ClientFrame", as: encoding).count > 1000)
        }
    }

    /// The decoder alone has this cost. If this fails, it has been fixed, and frames may be decoded without a scan.
    @Test(arguments: [
        ("ClientFrame", "call_invite { user_ids × n }, then { one } × n"),
        ("ServerFrame", "ok { welcome { features × n } }, then { one } × n"),
        ("Event", "call_updated { call { participants × n } }, then { one } × n"),
        ("Ok", "call { participants × n }, then { one } × n"),
    ])
    func whatIsMergedAgainAndAgainIsFoundByTheMeasure(type: String, name: String) throws {
        let decoded = try #require(SchemaTests.types.first { $0.protoMessageName == "ringback.v1.\(type)" })
        let shape = try #require(
            Schema().hostileShapes(of: type, as: .protobuf).first { $0.name == "\(type): \(name)" })
        let cost = Self.growth(of: shape) { _ = try? decoded.init(serializedBytes: $0) }
        #expect(!cost.isLinear, "\(cost)")
    }

    @Test func theCounterCounts() {
        let before = allocated_bytes()
        let array = [UInt8](repeating: 1, count: 100_000)
        #expect(allocated_bytes() - before >= 100_000)
        #expect(array.count == 100_000)
    }

    private static func growth(of shape: HostileShape, _ decode: ([UInt8]) -> Void) -> Growth {
        func measured(_ count: Int) -> (bytes: Int, allocated: Int) {
            let bytes = shape.bytes(count)
            let before = allocated_bytes()
            decode(bytes)
            return (bytes.count, Int(allocated_bytes() - before))
        }
        // What is made only once, such as the tables of names, does not count.
        _ = measured(1)
        // Powers of two, so that arrays that grow by doubling have as much spare room in both.
        return Growth(small: measured(32), large: measured(128))
    }

    /// The cost of a shape in two sizes, the second four times the first.
    private struct Growth: CustomStringConvertible {
        var small: (bytes: Int, allocated: Int)
        var large: (bytes: Int, allocated: Int)

        /// A constant part is allowed.
        var isLinear: Bool { large.allocated <= 5 * small.allocated + 8 * 1024 }
        var description: String {
            "\(small.bytes) bytes allocate \(small.allocated), \(large.bytes) bytes \(large.allocated)"
        }
    }
}
