import NIOConcurrencyHelpers

/// Wakes one task that waits. A signal that nobody waits for is kept; several of them count as one.
final class WakeSignal: Sendable {
    private struct State {
        var isSet = false
        var waiting: CheckedContinuation<Void, Never>?
    }

    private let state = NIOLockedValueBox(State())

    func send() {
        let waiting = state.withLockedValue { state in
            defer { state.waiting = nil }
            state.isSet = state.waiting == nil
            return state.waiting
        }
        waiting?.resume()
    }

    /// Comes back when the signal is sent or the task is cancelled.
    func wait() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLockedValue { state in
                    guard !state.isSet, !Task.isCancelled else {
                        state.isSet = false
                        return true
                    }
                    state.waiting = continuation
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            let waiting = state.withLockedValue { state in
                defer { state.waiting = nil }
                return state.waiting
            }
            waiting?.resume()
        }
    }
}
