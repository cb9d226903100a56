import Dispatch
import NIOConcurrencyHelpers
import Primitives
import Testing

@testable import Storage

/// Callers are told in order, on another thread while there is more to commit, and never far behind.
struct CompletionsTests {
    @Test("Callers are told in the order of the batches, whichever thread tells them")
    func keepsOrder() {
        let told = NIOLockedValueBox<[Int]>([])
        let completions = makeCompletions()
        for number in 0..<200 {
            completions.tell(
                [unit { told.withLockedValue { $0.append(number) } }], [.success([])],
                // Now and then the queue is empty, and the committing thread would tell them itself.
                isNextWaiting: !number.isMultiple(of: 3))
        }
        completions.finish()
        #expect(told.withLockedValue { $0 } == Array(0..<200))
    }

    @Test("The committing thread tells them itself when it has nothing else to do")
    func tellsAtOnce() {
        let told = NIOLockedValueBox(0)
        let completions = makeCompletions()
        completions.tell([unit { told.withLockedValue { $0 += 1 } }], [.success([])], isNextWaiting: false)
        #expect(told.withLockedValue { $0 } == 1)
    }

    @Test("The committing thread is at most four batches ahead of the callers")
    func isBounded() async {
        let handed = NIOLockedValueBox(0)
        let gate = DispatchSemaphore(value: 0)
        let isStarted = DispatchSemaphore(value: 0)
        let completions = makeCompletions()
        let committer = Task.detached {
            for number in 0..<6 {
                completions.tell(
                    [
                        unit {
                            if number == 0 { isStarted.signal() }
                            gate.wait()
                        }
                    ], [.success([])], isNextWaiting: true)
                handed.withLockedValue { $0 += 1 }
            }
            completions.finish()
        }
        isStarted.wait()
        // One is being told, three wait; the fifth has no place before the first one is told.
        while handed.withLockedValue({ $0 }) < 4 { await Task.yield() }
        for told in 1...2 {
            for _ in 0..<100 { await Task.yield() }
            #expect(handed.withLockedValue { $0 } == 3 + told)
            gate.signal()
            while handed.withLockedValue({ $0 }) < 4 + told { await Task.yield() }
        }
        for _ in 3...6 { gate.signal() }
        await committer.value
        #expect(handed.withLockedValue { $0 } == 6)
    }

    @Test("The metrics count what became of each unit")
    func counts() {
        let metrics = DatabaseMetrics()
        let completions = Completions("test", metrics: metrics, trouble: WriteTrouble())
        metrics.queued.add(3)
        let outcomes: [Completions.Outcome] = [
            .success([]), .failure(DatabaseError(.invalid, "")), .success([]),
        ]
        completions.tell(outcomes.map { _ in unit {} }, outcomes, isNextWaiting: true)
        completions.finish()
        #expect(metrics.commits.value == 2)
        #expect(metrics.failures.value == 1)
        #expect(metrics.queued.value == 0)
    }

    private func makeCompletions() -> Completions {
        Completions("test", metrics: DatabaseMetrics(), trouble: WriteTrouble())
    }
}

private func unit(_ completion: @escaping @Sendable () -> Void) -> QueuedUnit {
    QueuedUnit(WriteUnit([])) { _ in completion() }
}
