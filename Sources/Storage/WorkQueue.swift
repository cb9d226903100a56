import Dispatch
import NIOConcurrencyHelpers

/// A bounded queue between many callers and the threads that serve them.
final class WorkQueue<Element: Sendable>: Sendable {
    private struct State {
        /// Newest last.
        var incoming: [Element] = []
        /// Oldest last; filled from `incoming` when it is empty, so that neither end ever shifts an array.
        var outgoing: [Element] = []
        var isClosed = false
        /// While set, nothing can be added.
        var refusal: DatabaseError?

        var count: Int { incoming.count + outgoing.count }

        mutating func pop() -> Element? {
            if outgoing.isEmpty {
                outgoing = incoming.reversed()
                incoming.removeAll(keepingCapacity: true)
            }
            return outgoing.popLast()
        }
    }

    private let state = NIOLockedValueBox(State())
    /// Signalled when there is something to check: the first element, remaining elements, the end.
    private let signal = DispatchSemaphore(value: 0)
    private let limit: Int

    /// Makes an empty queue that holds at most `limit` elements.
    init(limit: Int) {
        self.limit = limit
    }

    /// Whether nothing waits now.
    var isEmpty: Bool { state.withLockedValue { $0.count == 0 } }

    /// Appends an element.
    /// - Returns: Why it was not appended; nil when it was.
    func append(_ element: Element) -> DatabaseError? {
        let (refusal, isFirst) = state.withLockedValue { state -> (DatabaseError?, Bool) in
            if state.isClosed { return (DatabaseError(.unavailable, "the database is closed"), false) }
            if let refusal = state.refusal { return (refusal, false) }
            if state.count >= limit { return (DatabaseError(.unavailable, "too much is queued already"), false) }
            state.incoming.append(element)
            return (nil, state.count == 1)
        }
        if isFirst { signal.signal() }
        return refusal
    }

    /// Puts an element before all others, even if the queue is full.
    /// - Returns: Why it was not put there; nil when it was.
    func prepend(_ element: Element) -> DatabaseError? {
        let (refusal, isFirst) = state.withLockedValue { state -> (DatabaseError?, Bool) in
            if state.isClosed { return (DatabaseError(.unavailable, "the database is closed"), false) }
            if let refusal = state.refusal { return (refusal, false) }
            if state.outgoing.isEmpty {
                state.outgoing = state.incoming.reversed()
                state.incoming.removeAll(keepingCapacity: true)
            }
            state.outgoing.append(element)
            return (nil, state.count == 1)
        }
        if isFirst { signal.signal() }
        return refusal
    }

    /// Waits for elements and takes the oldest of them, at most `limit`. Nil when the queue is closed and empty.
    func take(_ limit: Int) -> [Element]? {
        while true {
            signal.wait()
            let (batch, isOver) = takeNow(limit)
            if isOver { return nil }
            if !batch.isEmpty { return batch }
        }
    }

    /// Takes all elements and accepts none until `admit()`.
    func refuse(with error: DatabaseError) -> [Element] {
        state.withLockedValue { state in
            state.refusal = error
            let all = state.outgoing.reversed() + state.incoming
            state.outgoing = []
            state.incoming = []
            return all
        }
    }

    /// Accepts elements again.
    func admit() {
        state.withLockedValue { $0.refusal = nil }
    }

    /// Accepts no more elements; those in the queue can still be taken.
    func close() {
        state.withLockedValue { $0.isClosed = true }
        signal.signal()
    }

    /// Waits for the given time, or until the queue is closed.
    /// - Returns: Whether it is closed.
    func waitForClose(milliseconds: Int) -> Bool {
        let deadline = DispatchTime.now() + .milliseconds(milliseconds)
        while true {
            if state.withLockedValue({ $0.isClosed }) {
                signal.signal()
                return true
            }
            if signal.wait(timeout: deadline) == .timedOut { return false }
        }
    }

    private func takeNow(_ limit: Int) -> (batch: [Element], isOver: Bool) {
        let (batch, isLeft, isClosed) = state.withLockedValue { state -> ([Element], Bool, Bool) in
            var batch: [Element] = []
            while batch.count < limit, let element = state.pop() { batch.append(element) }
            return (batch, state.count > 0, state.isClosed)
        }
        // The next taker has to check, too: for remaining elements, or the end.
        if isLeft || isClosed { signal.signal() }
        return (batch, batch.isEmpty && isClosed)
    }
}
