import NIOConcurrencyHelpers
import Primitives

@testable import Outbox

extension Instant {
    static let start = Instant(microseconds: 1_700_000_000_000_000)
}

/// A clock that stands still until a test moves it.
final class VirtualTime: Sendable {
    fileprivate struct State {
        var now = Instant.start
        var sleepers: [Int: (due: Instant, continuation: CheckedContinuation<Void, any Error>)] = [:]
        var lastName = 0
        var sleeps = 0
        var waiting: [(after: Int, continuation: CheckedContinuation<Void, Never>)] = []
    }

    private let state = NIOLockedValueBox(State())

    var now: Instant { state.withLockedValue { $0.now } }
    /// How many wait now.
    var sleeping: Int { state.withLockedValue { $0.sleepers.count } }
    /// How many have ever started to wait.
    var sleeps: Int { state.withLockedValue { $0.sleeps } }

    var clock: OutboxClock {
        OutboxClock(now: { self.now }, wallClock: { self.now }, sleep: { try await self.sleep($0) })
    }

    func advance(by span: Instant.Span) {
        let due = state.withLockedValue { state in
            state.now = state.now + span
            return state.takeDue()
        }
        for continuation in due { continuation.resume() }
    }

    /// Moves to the moment for which the first sleeper waits.
    func jump() {
        let due = state.withLockedValue { state in
            if let next = state.sleepers.values.map(\.due).min() { state.now = max(state.now, next) }
            return state.takeDue()
        }
        for continuation in due { continuation.resume() }
    }

    /// Returns when more than so many have started to wait.
    func sleeps(beyond count: Int) async {
        await withCheckedContinuation { continuation in
            let isSo = state.withLockedValue { state in
                if state.sleeps > count { return true }
                state.waiting.append((count, continuation))
                return false
            }
            if isSo { continuation.resume() }
        }
    }

    private func sleep(_ span: Instant.Span) async throws {
        let id = state.withLockedValue { state in
            state.lastName += 1
            return state.lastName
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let (isCancelled, told) = state.withLockedValue { state in
                    if !Task.isCancelled { state.sleepers[id] = (state.now + span, continuation) }
                    state.sleeps += 1
                    let sleeps = state.sleeps
                    let told = state.waiting.filter { $0.after < sleeps }
                    state.waiting.removeAll { $0.after < sleeps }
                    return (state.sleepers[id] == nil, told)
                }
                for waiting in told { waiting.continuation.resume() }
                if isCancelled { continuation.resume(throwing: CancellationError()) }
            }
        } onCancel: {
            let sleeper = state.withLockedValue { $0.sleepers.removeValue(forKey: id) }
            sleeper?.continuation.resume(throwing: CancellationError())
        }
    }
}

extension VirtualTime.State {
    fileprivate mutating func takeDue() -> [CheckedContinuation<Void, any Error>] {
        let due = sleepers.filter { $0.value.due <= now }
        for id in due.keys { sleepers[id] = nil }
        return due.values.map(\.continuation)
    }
}
