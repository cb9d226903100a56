import Primitives

/// Updates the schema of a PostgreSQL database, on a connection of its own.
struct PostgreSQLMigrator {
    /// The lock that servers take before they read the schema; any number that nobody else uses will do.
    private static let lock = 7_464_627_225_312_099_104

    let target: PostgreSQLTarget
    let limits: PostgreSQLLimits

    /// Applies the missing migrations, each in a transaction of its own. The lock is released with the connection.
    func apply(_ migrations: [Migration]) -> Result<[Int], DatabaseError> {
        do {
            let connection = try PostgreSQLConnection(target, .migrating, limits)
            let requirements = PostgreSQLRequirements(connection: connection, target: target, limits: limits)
            try requirements.check()
            try run("SELECT pg_advisory_lock(\(Self.lock))", on: connection)
            if try !requirements.exists("schema_migrations") {
                try requirements.checkMayMakeTables()
                try run(Migration.bookkeeping.text(for: .postgresql), on: connection)
            }
            // The first one that is read.
            try requirements.checkMayUse(["schema_migrations"])
            let applied = try run(Step(.appliedMigrations, []), on: connection).rows
                .map { Int(try $0.integer("number")) }
            let pending = try Migration.pending(migrations, applied: applied)
            if !pending.isEmpty { try requirements.checkMayMakeTables() }
            for migration in pending { try apply(migration, on: connection) }
            try requirements.checkMayUse(Migration.tables(of: migrations))
            return .success(pending.map(\.number))
        } catch let loss as ConnectionLost {
            return .failure(DatabaseError(.unavailable, loss.message))
        } catch {
            return .failure(error as? DatabaseError ?? DatabaseError(.invalid, "\(error)"))
        }
    }

    private func apply(_ migration: Migration, on connection: PostgreSQLConnection) throws {
        try run("BEGIN", on: connection)
        let now = Instant.ofSystemClock
        if let failure = try connection.run(
            script: migration.text(for: .postgresql), milliseconds: limits.migration)
        {
            throw DatabaseError(failure.code, "migration \(migration.number): \(failure.message)")
        }
        let record: [SQLValue] = [.integer(Int64(migration.number)), .text(migration.name), .instant(now)]
        _ = try run(Step(.insertAppliedMigration, record), on: connection)
        try run("COMMIT", on: connection)
    }

    private func run(_ text: String, on connection: PostgreSQLConnection) throws {
        _ = try connection.exchange([.text(text)], milliseconds: limits.migration)[0].get()
    }

    private func run(_ step: Step, on connection: PostgreSQLConnection) throws -> StepResult {
        if let failure = try connection.prepare(step.statement, limits.migration) { throw failure }
        let name = connection.preparedName(step.statement) ?? ""
        return try connection.exchange([.run(name, step)], milliseconds: limits.migration)[0].get()
    }
}
