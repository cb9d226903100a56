import NIOCore
import NIOPosix
import Wire

/// The server under load, and the event loop on which the whole run takes place.
struct Server: Sendable {
    let name: ServerAddress
    let address: SocketAddress
    let encoding: Encoding
    let eventLoop: any EventLoop

    /// Runs a body for each of many items, a few at a time, and returns the results in order.
    static func inTurn<Result: Sendable>(
        _ count: Int, atATime width: Int, _ body: @escaping @Sendable (Int) async throws -> Result
    ) async throws -> [Result] {
        try await withThrowingTaskGroup(of: (Int, Result).self) { group in
            var results: [Int: Result] = [:]
            var next = 0
            while next < min(width, count) {
                let index = next
                group.addTask { (index, try await body(index)) }
                next += 1
            }
            while let (index, result) = try await group.next() {
                results[index] = result
                guard next < count else { continue }
                let index = next
                group.addTask { (index, try await body(index)) }
                next += 1
            }
            return (0..<count).compactMap { results[$0] }
        }
    }
}
