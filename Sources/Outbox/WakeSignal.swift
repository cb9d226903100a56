import NIOConcurrencyHelpers

/// Wakes one waiting task. A signal without a waiter is kept; several of them count as one.
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

    /// Returns when the signal is sent or the task is cancelled.
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
