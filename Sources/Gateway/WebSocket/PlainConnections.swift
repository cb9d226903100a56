import NIOConcurrencyHelpers
import Primitives

/// Why an accepted connection is closed without an answer.
enum ConnectionRefusal: String, Sendable, CaseIterable {
    /// Its address has reached its limit of plain connections.
    case address
    /// The total limit of plain connections is reached.
    case total
    /// It was reset before it was accepted: it no longer has an address, and there is nobody to answer.
    case reset
}

/// The connections that are not sockets: they have not asked for anything yet, or speak HTTP. Each takes a descriptor,
/// so they are bounded, for each place and in total.
final class PlainConnections: Sendable {
    private struct State {
        var counts: AddressPrefixCounts
        var digest = RefusalDigest()
    }

    private let state: NIOLockedValueBox<State>
    private let metrics: GatewayMetrics

    init(limits: SocketLimits, metrics: GatewayMetrics) {
        state = NIOLockedValueBox(
            State(
                counts: AddressPrefixCounts(perPlace: limits.plainConnectionsPerAddress, total: limits.plainConnections)
            ))
        self.metrics = metrics
    }

    /// Counts one more, unless that is one too many.
    func enter(_ place: String) -> ConnectionRefusal? {
        let refusal = state.withLockedValue { $0.counts.enter(place) }
        if refusal == nil { metrics.plainConnections.add(1) }
        return refusal
    }

    /// Counts one less.
    func leave(_ place: String) {
        state.withLockedValue { $0.counts.leave(place) }
        metrics.plainConnections.add(-1)
    }

    /// Counts a refusal.
    /// - Returns: The refusals to log now, including this one; nil while enough has been logged.
    func note(_ refusal: ConnectionRefusal, now: Instant) -> [ConnectionRefusal: Int]? {
        metrics.countRefusal(refusal)
        return state.withLockedValue { $0.digest.note(refusal, now: now) }
    }
}

/// How many there are of each place and in total: a plain value.
struct AddressPrefixCounts {
    private let perPlace: Int
    private let total: Int
    private var counts: [String: Int] = [:]
    private var count = 0

    /// Starts with none.
    init(perPlace: Int, total: Int) {
        self.perPlace = perPlace
        self.total = total
    }

    /// Counts one more, or returns why not; then nothing is counted.
    mutating func enter(_ place: String) -> ConnectionRefusal? {
        guard count < total else { return .total }
        let known = counts[place] ?? 0
        guard known < perPlace else { return .address }
        counts[place] = known + 1
        count += 1
        return nil
    }

    /// Counts one less.
    mutating func leave(_ place: String) {
        guard let known = counts[place] else { return }
        counts[place] = known > 1 ? known - 1 : nil
        count -= 1
    }
}

/// Sums up what happens too often to get a log line each.
struct RefusalDigest {
    /// From one line to the next.
    static let span = Instant.Span.seconds(10)

    private var counts: [ConnectionRefusal: Int] = [:]
    private var nextLine: Instant?

    /// Counts a refusal.
    /// - Returns: All since the last line, when it is time for the next.
    mutating func note(_ refusal: ConnectionRefusal, now: Instant) -> [ConnectionRefusal: Int]? {
        counts[refusal, default: 0] += 1
        if let nextLine, now < nextLine { return nil }
        nextLine = now + Self.span
        defer { counts = [:] }
        return counts
    }
}
