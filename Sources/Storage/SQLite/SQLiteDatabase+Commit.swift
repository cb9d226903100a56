import GRDB
import Primitives

extension SQLiteDatabase {
    /// How many units share a transaction at most.
    private static let batchLimit = 512

    /// Carries out queued units, batch by batch, until the queue is closed and empty. Runs on the committing thread.
    func commitUntilClosed() {
        while var batch = queue.take(Self.batchLimit) {
            let stale = batch.removeStale(after: longestWait)
            let failure = DatabaseError(.unavailable, "the database had no time for it")
            if !stale.isEmpty { complete(stale, with: stale.map { _ in .failure(failure) }) }
            if !batch.isEmpty { complete(batch, with: commit(batch)) }
        }
        completions.finish()
    }

    private func complete(_ batch: [QueuedUnit], with results: [Result<[StepResult], DatabaseError>]) {
        completions.tell(batch, results, isNextWaiting: !queue.isEmpty)
    }

    /// Carries out a batch in one transaction with one flush to disk; each unit has its own outcome.
    private func commit(_ batch: [QueuedUnit]) -> [Result<[StepResult], DatabaseError>] {
        do {
            return try pool.writeWithoutTransaction { connection in
                try connection.execute(sql: "BEGIN IMMEDIATE")
                var results: [Result<[StepResult], DatabaseError>] = []
                do {
                    for entry in batch { results.append(try statements.run(entry.unit, on: connection)) }
                } catch {
                    rollBack(connection)
                    throw error
                }
                try finish(connection)
                metrics.batches.add()
                return results
            }
        } catch {
            // Nothing of the batch is on disk, or it is unknown.
            let failure = SQLiteStatements.databaseError(error, nil)
            return batch.map { _ in .failure(failure) }
        }
    }

    private func finish(_ connection: GRDB.Database) throws {
        do {
            try connection.execute(sql: "COMMIT")
        } catch let error as GRDB.DatabaseError {
            rollBack(connection)
            // After a failed write or flush, recovery may or may not find the commit.
            if error.resultCode == .SQLITE_IOERR {
                var unknown = DatabaseError(.outcomeUnknown, error.message ?? "input or output failed")
                unknown.blocksWrites = true
                throw unknown
            }
            throw error
        }
    }

    private func rollBack(_ connection: GRDB.Database) {
        // Some errors have already rolled back.
        if connection.isInsideTransaction { try? connection.execute(sql: "ROLLBACK") }
    }
}
