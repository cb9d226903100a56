import Glibc
import Primitives

/// The group committer: turns queued units into one transaction after another. Runs on a thread of its own.
final class PostgreSQLCommitter {
    private typealias Outcome = Result<[StepResult], DatabaseError>

    private let link: PostgreSQLLink
    private let queue: WorkQueue<QueuedUnit>
    private let metrics: DatabaseMetrics
    private let completions: Completions
    private let limits: PostgreSQLLimits

    init(
        link: PostgreSQLLink, queue: WorkQueue<QueuedUnit>, metrics: DatabaseMetrics, completions: Completions,
        limits: PostgreSQLLimits
    ) {
        self.link = link
        self.queue = queue
        self.metrics = metrics
        self.completions = completions
        self.limits = limits
    }

    /// Carries out queued units until the queue is closed and empty.
    func commitUntilClosed() {
        reconnect()
        while var batch = queue.take(limits.batch) {
            let stale = batch.removeStale(after: .milliseconds(limits.wait))
            complete(stale, with: .failure(DatabaseError(.unavailable, "the database had no time for it")))
            if !batch.isEmpty { commit(batch) }
            reconnect()
        }
        completions.finish()
    }

    /// Makes a connection if there is none. While that fails, callers are told at once.
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
        // A transaction that was not committed may be tried again; but only once, because it may be what kills the
        // server.
        for _ in 0..<2 {
            do {
                let connection = try link.connect()
                let outcomes = try transact(batch.map(\.unit), on: connection)
                return completions.tell(batch, outcomes, isNextWaiting: !queue.isEmpty)
            } catch let loss as ConnectionLost {
                link.drop(loss)
                failure.message = loss.message
                failure.blocksWrites = loss.blocksWrites
            } catch {
                if let error = error as? DatabaseError { failure = error }
                break
            }
        }
        complete(batch, with: .failure(failure))
    }

    private func complete(_ entries: [QueuedUnit], with outcome: Outcome) {
        guard !entries.isEmpty else { return }
        completions.tell(entries, entries.map { _ in outcome }, isNextWaiting: !queue.isEmpty)
    }

    /// Carries out units in one transaction; each has its own outcome. Throws when the connection broke and nothing was
    /// committed.
    private func transact(
        _ units: [WriteUnit], on connection: PostgreSQLConnection
    ) throws(ConnectionLost) -> [Outcome] {
        let isChecked = units.allSatisfy { unit in
            unit.steps.allSatisfy { $0.expectedRows == nil || connection.canCheckRows($0.statement) }
        }
        let refused = try refuseUnfit(units, areChecked: isChecked, on: connection)
        let fit = refused.isEmpty ? units : units.indices.filter { refused[$0] == nil }.map { units[$0] }
        var outcomes: [Outcome] = []
        if !fit.isEmpty {
            outcomes = try transactAtOnce(fit, areChecked: isChecked, on: connection)
            if outcomes.first?.error?.isDeadlock == true {
                Self.yieldToOther()
                outcomes = try transactAtOnce(fit, areChecked: isChecked, on: connection)
            }
            // Any failure failed them all: now each has to run separately, to show which is to blame.
            if fit.count > 1, let error = outcomes.first?.error, error.code != .outcomeUnknown {
                outcomes = try transactOneByOne(fit, on: connection)
            }
        }
        guard !refused.isEmpty else { return outcomes }
        var next = outcomes.makeIterator()
        return units.indices.map { index in
            refused[index].map { .failure($0) } ?? next.next()
                ?? .failure(DatabaseError(.unavailable, "the unit was not carried out"))
        }
    }

    /// Prepares all statements, and finds the units that can't be sent.
    private func refuseUnfit(
        _ units: [WriteUnit], areChecked: Bool, on connection: PostgreSQLConnection
    ) throws(ConnectionLost) -> [Int: DatabaseError] {
        var refused: [Int: DatabaseError] = [:]
        for (index, unit) in units.enumerated() {
            for step in unit.steps where refused[index] == nil {
                if !step.values.allSatisfy(\.isStorable) {
                    refused[index] = DatabaseError(.invalid, "\(step.statement.name): a text holds a NUL")
                } else {
                    refused[index] = try connection.prepare(
                        step.statement, checking: areChecked ? step.expectedRows : nil, limits.exchange)
                }
            }
        }
        return refused
    }

    /// The common case: all units in one exchange, COMMIT included, if every statement checks itself what it has to
    /// touch; else in two. With any failure nothing is committed, and the first failure is the outcome of all units.
    private func transactAtOnce(
        _ units: [WriteUnit], areChecked: Bool, on connection: PostgreSQLConnection
    ) throws(ConnectionLost) -> [Outcome] {
        var commands: [PostgreSQLConnection.Command] = [.text("BEGIN")]
        for unit in units { commands += self.commands(for: unit, areChecked: areChecked, on: connection) }
        if areChecked { commands.append(.commit) }
        let answers: [PostgreSQLConnection.Answer]
        do throws(ConnectionLost) {
            answers = try exchange(commands, on: connection)
        } catch {
            guard error.mayHaveCommitted else { throw error }
            link.drop(error)
            return units.map { _ in .failure(DatabaseError(.outcomeUnknown, error.message)) }
        }
        var rest = answers.dropFirst()
        var outcomes: [Outcome] = []
        for unit in units {
            outcomes.append(outcome(of: unit, rest.prefix(unit.steps.count)))
            rest = rest.dropFirst(unit.steps.count)
        }
        if case .failure(let error)? = answers.first { outcomes = units.map { _ in .failure(error) } }
        if let failure = outcomes.first(where: { $0.error != nil }) {
            _ = try exchange([.text("ROLLBACK")], on: connection)
            return units.map { _ in failure }
        }
        let error = areChecked ? committed(rest, on: connection) : commit(on: connection)
        if let error { return units.map { _ in .failure(error) } }
        return outcomes
    }

    /// Another transaction that waited for our locks in a deadlock takes them now, unless we are faster and deadlock
    /// again.
    private static func yieldToOther() { usleep(50_000) }

    /// After a failure: the same again, with each unit in a savepoint.
    ///
    /// Only one unit may wait until the server gives up: otherwise those behind it would wait one after the other, and
    /// everything behind the batch with them.
    private func transactOneByOne(
        _ units: [WriteUnit], on connection: PostgreSQLConnection
    ) throws(ConnectionLost) -> [Outcome] {
        _ = try refuseUnfit(units, areChecked: false, on: connection)
        var outcomes: [Outcome] = []
        var opening: [PostgreSQLConnection.Command] = [.text("BEGIN")]
        var wait: DatabaseError?
        for unit in units {
            if let wait {
                outcomes.append(.failure(DatabaseError(.unavailable, "not run after another unit: \(wait.message)")))
                continue
            }
            var outcome = Outcome.success([])
            for attempt in 1...2 {
                opening.append(.text("SAVEPOINT unit"))
                let answers = try exchange(
                    opening + commands(for: unit, areChecked: false, on: connection), on: connection)
                // Without its savepoint a unit has nothing to roll back to, and neither have those before it.
                if let error = answers.prefix(opening.count).lazy.compactMap(\.error).first {
                    _ = try exchange([.text("ROLLBACK")], on: connection)
                    return units.map { _ in .failure(error) }
                }
                outcome = self.outcome(of: unit, answers.dropFirst(opening.count))
                opening = outcome.error == nil ? [] : [.text("ROLLBACK TO unit")]
                opening.append(.text("RELEASE unit"))
                guard attempt == 1, outcome.error?.isDeadlock == true else { break }
                _ = try exchange(opening, on: connection)
                opening = []
                Self.yieldToOther()
            }
            outcomes.append(outcome)
            if let error = outcome.error, error.isWait { wait = error }
        }
        if outcomes.allSatisfy({ $0.error != nil }) {
            _ = try exchange([.text("ROLLBACK")], on: connection)
        } else if let error = commit(after: opening, on: connection) {
            return outcomes.map { $0.error == nil ? .failure(error) : $0 }
        }
        return outcomes
    }

    private func commands(
        for unit: WriteUnit, areChecked: Bool, on connection: PostgreSQLConnection
    ) -> [PostgreSQLConnection.Command] {
        unit.steps.map { step in
            let checkedRows = areChecked ? step.expectedRows : nil
            let name = connection.preparedName(step.statement, checking: checkedRows) ?? ""
            return checkedRows == nil ? .run(name, step) : .runChecked(name, step)
        }
    }

    private func outcome(of unit: WriteUnit, _ answers: ArraySlice<PostgreSQLConnection.Answer>) -> Outcome {
        var results: [StepResult] = []
        for (index, (step, answer)) in zip(unit.steps, answers).enumerated() {
            switch answer {
            case .failure(let error):
                guard let expected = step.expectedRows, error.isWrongCount else { return .failure(error) }
                return .failure(
                    DatabaseError(.expectationFailed(step: index), "\(step.statement.name): not \(expected) rows"))
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
    /// - Returns: Why nothing was committed, or that it is unknown; nil when everything was committed.
    private func commit(
        after opening: [PostgreSQLConnection.Command] = [], on connection: PostgreSQLConnection
    ) -> DatabaseError? {
        let answers: [PostgreSQLConnection.Answer]
        do throws(ConnectionLost) {
            answers = try connection.exchange(opening + [.commit], milliseconds: limits.exchange)
        } catch {
            link.drop(error)
            return DatabaseError(.outcomeUnknown, error.message)
        }
        return committed(answers[...], on: connection)
    }

    /// What the answers to a COMMIT, and to what was sent with it, mean.
    /// - Returns: Why nothing was committed; nil when everything was committed.
    private func committed(
        _ answers: ArraySlice<PostgreSQLConnection.Answer>, on connection: PostgreSQLConnection
    ) -> DatabaseError? {
        guard let error = answers.lazy.compactMap(\.error).first else {
            metrics.batches.add()
            return nil
        }
        do throws(ConnectionLost) {
            _ = try exchange([.text("ROLLBACK")], on: connection)
        } catch {
            link.drop(error)
        }
        return error
    }

    private func exchange(
        _ commands: [PostgreSQLConnection.Command], on connection: PostgreSQLConnection
    ) throws(ConnectionLost) -> [PostgreSQLConnection.Answer] {
        try connection.exchange(commands, milliseconds: limits.exchange)
    }
}

extension Result {
    fileprivate var error: Failure? {
        if case .failure(let error) = self { return error }
        return nil
    }
}
