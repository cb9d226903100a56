/// Answers reading statements, one at a time. Runs on a thread of its own.
final class PostgreSQLReader {
    private let link: PostgreSQLLink
    private let queue: WorkQueue<QueuedReading>
    private let limits: PostgreSQLLimits

    init(link: PostgreSQLLink, queue: WorkQueue<QueuedReading>, limits: PostgreSQLLimits) {
        self.link = link
        self.queue = queue
        self.limits = limits
    }

    /// Runs queued statements until the queue is closed and empty.
    func readUntilClosed() {
        while let batch = queue.take(1) {
            for reading in batch { reading.completion(answer(reading)) }
        }
    }

    private func answer(_ reading: QueuedReading) -> Result<[Row], DatabaseError> {
        guard reading.since.duration(to: .now) < .milliseconds(limits.wait) else {
            return .failure(DatabaseError(.unavailable, "no connection became free in time"))
        }
        var failure = DatabaseError(.unavailable, "the connection was lost")
        // A connection may have broken long ago; reading twice changes nothing.
        for _ in 0..<2 {
            do {
                return try run(reading.task, on: try link.connect())
            } catch let loss as ConnectionLost {
                link.drop(loss)
                failure.message = loss.message
            } catch {
                if let error = error as? DatabaseError { failure = error }
                break
            }
        }
        return .failure(failure)
    }

    private func run(
        _ task: QueuedReading.Task, on connection: PostgreSQLConnection
    ) throws(ConnectionLost) -> Result<[Row], DatabaseError> {
        let statement =
            switch task {
            case .run(let step): step.statement
            case .prepare(let statement): statement
            }
        if let failure = try connection.prepare(statement, limits.exchange) { return .failure(failure) }
        guard case .run(let step) = task, let name = connection.preparedName(statement) else { return .success([]) }
        guard step.values.allSatisfy(\.isStorable) else {
            return .failure(DatabaseError(.invalid, "\(statement.name): a text holds a NUL"))
        }
        let answer = try connection.exchange([.run(name, step)], milliseconds: limits.exchange)[0]
        return answer.map(\.rows)
    }
}

/// A reading statement on its way to the server.
struct QueuedReading: Sendable {
    enum Task: Sendable {
        case run(Step)
        case prepare(Statement)
    }

    let task: Task
    /// When it was queued.
    let since: ContinuousClock.Instant
    let completion: @Sendable (Result<[Row], DatabaseError>) -> Void
}
