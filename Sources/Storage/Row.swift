public import Primitives

/// One row of a result. Columns are read by name and with their type in the schema; the differences between the
/// engines' types end here.
public struct Row: Sendable, Equatable {
    /// A value as an engine returns it.
    public enum Cell: Sendable, Equatable {
        case null
        case integer(Int64)
        case text(String)
    }

    private let columns: [String]
    private let cells: [Cell]

    /// Makes a row from its column names and as many cells.
    public init(columns: [String], cells: [Cell]) {
        self.columns = columns
        self.cells = cells
    }

    /// The cell of a column.
    public func cell(_ column: String) throws(DatabaseError) -> Cell {
        guard let index = columns.firstIndex(of: column), index < cells.count else {
            throw DatabaseError(.invalid, "no column \(column) among \(columns.joined(separator: ", "))")
        }
        return cells[index]
    }

    /// A text, or nil for NULL.
    public func textIfAny(_ column: String) throws(DatabaseError) -> String? {
        switch try cell(column) {
        case .null: nil
        case .text(let text): text
        case .integer(let number): String(number)
        }
    }

    /// A text that is not NULL.
    public func text(_ column: String) throws(DatabaseError) -> String {
        try require(try textIfAny(column), column)
    }

    /// An integer, or nil for NULL.
    public func integerIfAny(_ column: String) throws(DatabaseError) -> Int64? {
        switch try cell(column) {
        case .null: nil
        case .integer(let number): number
        case .text(let text): try require(Int64(text), column)
        }
    }

    /// An integer that is not NULL.
    public func integer(_ column: String) throws(DatabaseError) -> Int64 {
        try require(try integerIfAny(column), column)
    }

    /// A truth value that is not NULL.
    public func boolean(_ column: String) throws(DatabaseError) -> Bool {
        switch try cell(column) {
        case .integer(let number): number != 0
        case .text("t"): true
        case .text("f"): false
        case .null, .text: throw DatabaseError(.invalid, "column \(column) holds no truth value")
        }
    }

    /// An id, or nil for NULL.
    public func idIfAny<Kind>(_ column: String) throws(DatabaseError) -> Identifier<Kind>? {
        guard let text = try textIfAny(column) else { return nil }
        return try require(Identifier<Kind>(text), column)
    }

    /// An id that is not NULL.
    public func id<Kind>(_ column: String) throws(DatabaseError) -> Identifier<Kind> {
        try require(try idIfAny(column), column)
    }

    /// A moment, or nil for NULL.
    public func instantIfAny(_ column: String) throws(DatabaseError) -> Instant? {
        switch try cell(column) {
        case .null: nil
        case .integer(let microseconds): Instant(microseconds: microseconds)
        case .text(let text): try require(Instant(postgreSQL: text), column)
        }
    }

    /// A moment that is not NULL.
    public func instant(_ column: String) throws(DatabaseError) -> Instant {
        try require(try instantIfAny(column), column)
    }

    /// A text with the name of a case of an enumeration.
    public func name<Name: RawRepresentable<String>>(_ column: String) throws(DatabaseError) -> Name {
        try require(Name(rawValue: try text(column)), column)
    }

    /// A text with the name of a case of an enumeration, or nil for NULL.
    public func nameIfAny<Name: RawRepresentable<String>>(_ column: String) throws(DatabaseError) -> Name? {
        guard let text = try textIfAny(column) else { return nil }
        return try require(Name(rawValue: text), column)
    }

    private func require<T>(_ value: T?, _ column: String) throws(DatabaseError) -> T {
        guard let value else { throw DatabaseError(.invalid, "column \(column) holds an unexpected value") }
        return value
    }
}
