import GRDB
import Primitives

extension SQLiteDatabase {
    /// How many units share a transaction at most.
    private static let batchLimit = 512

    /// Carries out what is queued, batch by batch, until the queue is closed and empty. Runs on the committing thread.
    func commitUntilClosed() {
        while var batch = queue.take(Self.batchLimit) {
            let stale = batch.removeStale(after: longestWait)
            let failure = DatabaseError(.unavailable, "the database had no time for it")
            complete(stale, with: stale.map { _ in .failure(failure) })
            if !batch.isEmpty { complete(batch, with: commit(batch)) }
        }
    }

    private func complete(_ batch: [QueuedUnit], with results: [Result<[StepResult], DatabaseError>]) {
        metrics.queued.add(-batch.count)
        for (entry, result) in zip(batch, results) {
            switch result {
            case .success: metrics.commits.add()
            case .failure(let error):
                metrics.failures.add()
                trouble.note(error)
            }
            entry.completion(result)
        }
    }

    /// Carries out a batch in one transaction with one flush to disk; each unit has its own outcome.
    private func commit(_ batch: [QueuedUnit]) -> [Result<[StepResult], DatabaseError>] {
        do {
            return try pool.writeWithoutTransaction { connection in
                try connection.execute(sql: "BEGIN IMMEDIATE")
                var results: [Result<[StepResult], DatabaseError>] = []
                do {
                    for entry in batch { results.append(try run(entry.unit, on: connection)) }
                } catch {
                    rollBack(connection)
                    throw error
                }
                try finish(connection)
                metrics.batches.add()
                return results
            }
        } catch {
            // Nothing of the batch is on disk, or nobody can tell.
            let failure = Self.databaseError(error, nil)
            return batch.map { _ in .failure(failure) }
        }
    }

    private func finish(_ connection: GRDB.Database) throws {
        do {
            try connection.execute(sql: "COMMIT")
        } catch let error as GRDB.DatabaseError {
            rollBack(connection)
            // After a failed write or flush the commit may or may not be found by a recovery.
            if error.resultCode == .SQLITE_IOERR {
                var unknown = DatabaseError(.outcomeUnknown, error.message ?? "input or output failed")
                unknown.keepsWritesOut = true
                throw unknown
            }
            throw error
        }
    }

    private func rollBack(_ connection: GRDB.Database) {
        // Some errors have already rolled back.
        if connection.isInsideTransaction { try? connection.execute(sql: "ROLLBACK") }
    }

    /// Carries out a unit in a savepoint.
    /// - Returns: The outcome of the unit; a failure has left no trace.
    /// - Throws: What ends the whole transaction.
    private func run(_ unit: WriteUnit, on connection: GRDB.Database) throws -> Result<[StepResult], DatabaseError> {
        try connection.cachedStatement(sql: "SAVEPOINT unit").execute()
        var results: [StepResult] = []
        for (index, step) in unit.steps.enumerated() {
            do {
                let result = try run(step, on: connection)
                if let expected = step.expectedRows, result.count != expected {
                    throw DatabaseError(
                        .expectationFailed(step: index),
                        "\(step.statement.name): \(result.count) rows, expected \(expected)")
                }
                results.append(result)
            } catch {
                // A full disk, for one, takes the whole transaction with it.
                guard connection.isInsideTransaction else { throw error }
                let failure = databaseError(error, step.statement, on: connection)
                try connection.cachedStatement(sql: "ROLLBACK TO unit").execute()
                try connection.cachedStatement(sql: "RELEASE unit").execute()
                return .failure(failure)
            }
        }
        try connection.cachedStatement(sql: "RELEASE unit").execute()
        return .success(results)
    }

    /// Runs one statement.
    func run(_ step: Step, on connection: GRDB.Database) throws -> StepResult {
        guard step.values.allSatisfy(\.isStorable) else {
            throw DatabaseError(.invalid, "\(step.statement.name): a text holds a NUL")
        }
        let statement = try connection.cachedStatement(sql: text(of: step.statement))
        try statement.setArguments(StatementArguments(step.values.map(\.sqliteValue)))
        guard statement.columnCount > 0 else {
            try statement.execute()
            return StepResult(rows: [], count: connection.changesCount)
        }
        let columns = statement.columnNames
        let cursor = try GRDB.Row.fetchCursor(statement)
        var rows: [Row] = []
        while let row = try cursor.next() {
            rows.append(try Row(columns: columns, cells: row.databaseValues.map { try $0.cell }))
        }
        return StepResult(rows: rows, count: rows.count)
    }
}

extension SQLValue {
    fileprivate var sqliteValue: DatabaseValue {
        switch self {
        case .null: .null
        case .integer(let number): number.databaseValue
        case .boolean(let truth): (truth ? 1 : 0).databaseValue
        case .text(let text): text.databaseValue
        case .uuid(let high, let low): UserID(high: high, low: low).description.databaseValue
        case .instant(let instant): instant.microseconds.databaseValue
        }
    }
}

extension DatabaseValue {
    fileprivate var cell: Row.Cell {
        get throws {
            switch storage {
            case .null: .null
            case .int64(let number): .integer(number)
            case .string(let text): .text(text)
            case .double, .blob: throw DatabaseError(.invalid, "a column holds neither an integer nor a text")
            }
        }
    }
}
