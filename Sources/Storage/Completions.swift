import Dispatch
import Primitives
import Synchronization

/// Tells callers what became of their units, in order, while the committing thread carries out the next transaction.
///
/// For one committing thread.
final class Completions: Sendable {
    typealias Outcome = Result<[StepResult], DatabaseError>

    /// How many batches may wait to be told. Then the committing thread waits, so callers never fall behind without bound.
    private static let limit = 4

    private let queue: DispatchQueue
    private let places = DispatchSemaphore(value: Completions.limit)
    private let waiting = Atomic<Int>(0)
    private let metrics: DatabaseMetrics
    private let trouble: WriteTrouble

    init(_ label: String, metrics: DatabaseMetrics, trouble: WriteTrouble) {
        queue = DispatchQueue(label: label)
        self.metrics = metrics
        self.trouble = trouble
    }

    /// Tells the callers of a batch.
    ///
    /// - Parameters:
    ///   - outcomes: The outcome of each unit.
    ///   - isNextWaiting: Whether the committing thread has more to do. If not, it tells them itself: a hand-over to
    ///     another thread would only cost time.
    func tell(_ batch: [QueuedUnit], _ outcomes: [Outcome], isNextWaiting: Bool) {
        if !isNextWaiting, waiting.load(ordering: .acquiring) == 0 { return tellNow(batch, outcomes) }
        places.wait()
        waiting.add(1, ordering: .relaxed)
        queue.async { [self] in
            tellNow(batch, outcomes)
            waiting.subtract(1, ordering: .releasing)
            places.signal()
        }
    }

    /// Returns when everybody is told.
    func finish() {
        queue.sync {}
    }

    private func tellNow(_ batch: [QueuedUnit], _ outcomes: [Outcome]) {
        metrics.queued.add(-batch.count)
        for (entry, outcome) in zip(batch, outcomes) {
            switch outcome {
            case .success: metrics.commits.add()
            case .failure(let error):
                metrics.failures.add()
                trouble.note(error)
            }
            entry.completion(outcome)
        }
    }
}
