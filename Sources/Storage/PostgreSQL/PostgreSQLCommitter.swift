import Primitives

/// The group committer: turns whatever is queued into one transaction after another. Lives on a thread of its own.
final class PostgreSQLCommitter {
    private typealias Outcome = Result<[StepResult], DatabaseError>

    /// The connection broke during a transaction.
    private struct Interrupted: Error {
        var loss: ConnectionLost
        /// Whether the server may have committed.
        var isCommitSent: Bool
    }

    private let link: PostgreSQLLink
    private let queue: WorkQueue<QueuedUnit>
    private let metrics: DatabaseMetrics
    private let limits: PostgreSQLLimits

    init(link: PostgreSQLLink, queue: WorkQueue<QueuedUnit>, metrics: DatabaseMetrics, limits: PostgreSQLLimits) {
        self.link = link
        self.queue = queue
        self.metrics = metrics
        self.limits = limits
    }

    /// Carries out what is queued until the queue is closed and empty.
    func commitUntilClosed() {
        reconnect()
        while let batch = queue.take(limits.batch) {
            commit(batch)
            reconnect()
        }
    }

    /// Makes a connection if there is none. As long as that fails, whoever comes is told at once.
    private func reconnect() {
        var isRefusing = false
        while true {
            do throws(DatabaseError) {
                _ = try link.connect()
                if isRefusing { queue.admit() }
                return
            } catch {
                isRefusing = true
                complete(queue.refuse(with: error), with: .failure(error))
                if queue.waitForClose(milliseconds: link.pause) { return }
            }
        }
    }

    private func commit(_ batch: [QueuedUnit]) {
        var failure = DatabaseError(.unavailable, "the connection was lost")
        // A transaction that was not committed may be tried again; once, because it may be what kills the server.
        for _ in 0..<2 {
            do {
                let connection = try link.connect()
                let outcomes = try transact(batch.map(\.unit), on: connection)
                for (entry, outcome) in zip(batch, outcomes) { complete([entry], with: outcome) }
                return
            } catch let interrupted as Interrupted {
                link.drop(interrupted.loss)
                failure.message = interrupted.loss.message
                if interrupted.isCommitSent {
                    failure.code = .outcomeUnknown
                    break
                }
            } catch {
                if let error = error as? DatabaseError { failure = error }
                break
            }
        }
        complete(batch, with: .failure(failure))
    }

    private func complete(_ entries: [QueuedUnit], with outcome: Outcome) {
        metrics.queued.add(-entries.count)
        switch outcome {
        case .success: metrics.commits.add(entries.count)
        case .failure: metrics.failures.add(entries.count)
        }
        for entry in entries { entry.completion(outcome) }
    }

    /// Carries out units in one transaction; each has its own outcome.
    private func transact(_ units: [WriteUnit], on connection: PostgreSQLConnection) throws(Interrupted) -> [Outcome] {
        let refused = try refuseUnfit(units, on: connection)
        let fit = units.indices.filter { refused[$0] == nil }.map { units[$0] }
        var outcomes: [Outcome] = []
        if !fit.isEmpty {
            outcomes = try transactAtOnce(fit, on: connection)
            // Any failure failed them all: now each has to show that it is not to blame.
            if fit.count > 1, outcomes.contains(where: \.isFailure) {
                outcomes = try transactOneByOne(fit, on: connection)
            }
        }
        var next = outcomes.makeIterator()
        return units.indices.map { index in
            refused[index].map { .failure($0) } ?? next.next()
                ?? .failure(DatabaseError(.unavailable, "the unit was not carried out"))
        }
    }

    /// Prepares all statements, and finds the units that can't be sent.
    private func refuseUnfit(
        _ units: [WriteUnit], on connection: PostgreSQLConnection
    ) throws(Interrupted) -> [Int: DatabaseError] {
        let unprepared = units.flatMap(\.steps).map(\.statement).filter { connection.preparedName($0) == nil }
        var failures: [String: DatabaseError] = [:]
        if !unprepared.isEmpty {
            failures = try beforeCommit { () throws(ConnectionLost) in
                try connection.prepare(unprepared, limits.exchange)
            }
        }
        var refused: [Int: DatabaseError] = [:]
        for (index, unit) in units.enumerated() {
            for step in unit.steps where refused[index] == nil {
                if !step.values.allSatisfy(\.isStorable) {
                    refused[index] = DatabaseError(.invalid, "\(step.statement.name): a text holds a NUL")
                } else if connection.preparedName(step.statement) == nil {
                    refused[index] =
                        failures[step.statement.name]
                        ?? DatabaseError(.invalid, "\(step.statement.name) can't be prepared")
                }
            }
        }
        return refused
    }

    /// The common case: two exchanges for everybody. With any failure nothing is committed, and the first one is
    /// everybody's outcome.
    private func transactAtOnce(
        _ units: [WriteUnit], on connection: PostgreSQLConnection
    ) throws(Interrupted) -> [Outcome] {
        let commands = units.flatMap { self.commands(for: $0, on: connection) }
        let answers = try exchange([.text("BEGIN")] + commands, on: connection)
        var rest = answers.dropFirst()
        var outcomes: [Outcome] = []
        for unit in units {
            outcomes.append(outcome(of: unit, rest.prefix(unit.steps.count)))
            rest = rest.dropFirst(unit.steps.count)
        }
        if case .failure(let error)? = answers.first { outcomes = units.map { _ in .failure(error) } }
        if let failure = outcomes.first(where: \.isFailure) {
            _ = try exchange([.text("ROLLBACK")], on: connection)
            return units.map { _ in failure }
        }
        if let error = try commit(on: connection) { return units.map { _ in .failure(error) } }
        return outcomes
    }

    /// After a failure: the same again, each unit in a savepoint.
    private func transactOneByOne(
        _ units: [WriteUnit], on connection: PostgreSQLConnection
    ) throws(Interrupted) -> [Outcome] {
        var outcomes: [Outcome] = []
        var opening: [PostgreSQLConnection.Command] = [.text("BEGIN")]
        for unit in units {
            opening.append(.text("SAVEPOINT unit"))
            let answers = try exchange(opening + commands(for: unit, on: connection), on: connection)
            // Without its savepoint a unit has nothing to go back to, and neither have those before it.
            for answer in answers.prefix(opening.count) {
                if case .failure(let error) = answer {
                    _ = try exchange([.text("ROLLBACK")], on: connection)
                    return units.map { _ in .failure(error) }
                }
            }
            let outcome = outcome(of: unit, answers.dropFirst(opening.count))
            outcomes.append(outcome)
            opening = outcome.isFailure ? [.text("ROLLBACK TO unit"), .text("RELEASE unit")] : [.text("RELEASE unit")]
        }
        if outcomes.allSatisfy(\.isFailure) {
            _ = try exchange([.text("ROLLBACK")], on: connection)
        } else if let error = try commit(after: opening, on: connection) {
            return outcomes.map { $0.isFailure ? $0 : .failure(error) }
        }
        return outcomes
    }

    private func commands(for unit: WriteUnit, on connection: PostgreSQLConnection) -> [PostgreSQLConnection.Command] {
        unit.steps.map { step in .run(connection.preparedName(step.statement) ?? "", step) }
    }

    private func outcome(of unit: WriteUnit, _ answers: ArraySlice<PostgreSQLConnection.Answer>) -> Outcome {
        var results: [StepResult] = []
        for (index, (step, answer)) in zip(unit.steps, answers).enumerated() {
            switch answer {
            case .failure(let error):
                return .failure(error)
            case .success(let result):
                if let expected = step.expectedRows, result.count != expected {
                    return .failure(
                        DatabaseError(
                            .expectationFailed(step: index),
                            "\(step.statement.name): \(result.count) rows, expected \(expected)"))
                }
                results.append(result)
            }
        }
        return .success(results)
    }

    /// Commits.
    /// - Returns: Why nothing was committed; nil when everything was.
    private func commit(
        after opening: [PostgreSQLConnection.Command] = [], on connection: PostgreSQLConnection
    ) throws(Interrupted) -> DatabaseError? {
        do throws(ConnectionLost) {
            for answer in try connection.exchange(opening + [.text("COMMIT")], milliseconds: limits.exchange) {
                if case .failure(let error) = answer {
                    _ = try connection.exchange([.text("ROLLBACK")], milliseconds: limits.exchange)
                    return error
                }
            }
        } catch {
            throw Interrupted(loss: error, isCommitSent: true)
        }
        metrics.batches.add()
        return nil
    }

    private func exchange(
        _ commands: [PostgreSQLConnection.Command], on connection: PostgreSQLConnection
    ) throws(Interrupted) -> [PostgreSQLConnection.Answer] {
        try beforeCommit { () throws(ConnectionLost) in
            try connection.exchange(commands, milliseconds: limits.exchange)
        }
    }

    private func beforeCommit<Value>(_ body: () throws(ConnectionLost) -> Value) throws(Interrupted) -> Value {
        do throws(ConnectionLost) {
            return try body()
        } catch {
            throw Interrupted(loss: error, isCommitSent: false)
        }
    }
}

extension Result {
    fileprivate var isFailure: Bool {
        if case .failure = self { return true }
        return false
    }
}
