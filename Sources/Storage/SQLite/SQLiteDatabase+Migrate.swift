import GRDB
import Primitives

extension SQLiteDatabase {
    @discardableResult
    func migrate() async throws(DatabaseError) -> [Int] {
        try await migrate(Migration.all)
    }

    /// Applies the missing migrations, all or none: the lock of the transaction is the lock of the schema.
    func migrate(_ migrations: [Migration]) async throws(DatabaseError) -> [Int] {
        do {
            return try await pool.writeWithoutTransaction { [self] connection in
                var numbers: [Int] = []
                try connection.inTransaction(.immediate) {
                    numbers = try statements.apply(migrations, on: connection)
                    return .commit
                }
                return numbers
            }
        } catch {
            throw SQLiteStatements.databaseError(error, nil)
        }
    }
}

extension SQLiteStatements {
    /// Applies the missing migrations.
    /// - Returns: Their numbers.
    func apply(_ migrations: [Migration], on connection: GRDB.Database) throws -> [Int] {
        try connection.execute(sql: Migration.bookkeeping.text(for: .sqlite))
        let applied = try run(Step(.appliedMigrations, []), on: connection).rows
            .map { Int(try $0.integer("number")) }
        let pending = try Migration.pending(migrations, applied: applied)
        for migration in pending {
            try connection.execute(sql: migration.text(for: .sqlite))
            let now = Instant.ofSystemClock
            let record: [SQLValue] = [.integer(Int64(migration.number)), .text(migration.name), .instant(now)]
            _ = try run(Step(.insertAppliedMigration, record, expectedRows: 1), on: connection)
        }
        return pending.map(\.number)
    }
}
