import GRDB
import NIOConcurrencyHelpers
import Primitives

/// Runs units and statements on a connection of SQLite, for all its users: the committing thread, a reader, a database
/// in memory.
final class SQLiteStatements: Sendable {
    /// Texts with `?N` in place of `$N`, which SQLite would number by their first appearance.
    private let texts = NIOLockedValueBox<[Statement: String]>([:])

    /// The statement in SQLite's form.
    func text(of statement: Statement) -> String {
        texts.withLockedValue { texts in
            if let text = texts[statement] { return text }
            let text = statement.text.replacing(/\$([0-9]+)/) { "?\($0.1)" }
            texts[statement] = text
            return text
        }
    }

    /// Runs one reading statement.
    func read(_ step: Step, on connection: GRDB.Database) throws -> [Row] {
        // A reader's connection could not change anything; this reports it like the other engine.
        guard try connection.cachedStatement(sql: text(of: step.statement)).isReadonly else {
            throw DatabaseError(.invalid, "\(step.statement.name): a reading statement must change nothing")
        }
        return try run(step, on: connection).rows
    }

    /// Carries out a unit in a savepoint.
    /// - Returns: The outcome of the unit; a failure has left no trace.
    /// - Throws: What ends the whole transaction.
    func run(_ unit: WriteUnit, on connection: GRDB.Database) throws -> Result<[StepResult], DatabaseError> {
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
                // A full disk, for example, ends the whole transaction.
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
