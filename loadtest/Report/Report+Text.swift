extension Report {
    /// The report as an aligned text.
    func text() -> String {
        var lines = ["\(scenario) at \(server), \(subprotocol), \(startedAt)", ""]
        lines += Self.table(figures.map { [$0.title, Self.decimal($0.value, digits: $0.digits)] })
        if !rows.isEmpty {
            let head = ["milliseconds", "count", "p50", "p90", "p99", "max"]
            lines.append("")
            lines += Self.table([head] + rows.map(Self.cells))
        }
        lines.append("")
        if errors.isEmpty {
            lines.append("no errors")
        } else {
            let sorted = errors.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
            lines += Self.table([["errors", "count"]] + sorted.map { [$0.key, "\($0.value)"] })
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func cells(of row: Row) -> [String] {
        guard let latency = row.latency else { return [row.measure.title, "0", "-", "-", "-", "-"] }
        return [row.measure.title, "\(latency.count)"]
            + [latency.p50, latency.p90, latency.p99, latency.max].map { decimal($0, digits: 2) }
    }

    /// Lines with the first column aligned left and the others right, each as wide as its widest cell.
    static func table(_ rows: [[String]]) -> [String] {
        let columnCount = rows.map(\.count).max() ?? 0
        let widths = (0..<columnCount).map { column in
            rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
        }
        return rows.map { row in
            row.enumerated().map { column, cell in
                let padding = String(repeating: " ", count: widths[column] - cell.count)
                return column == 0 ? cell + padding : padding + cell
            }.joined(separator: "  ")
        }
    }

    /// A number with this many digits after the point.
    /// - Parameter digits: 0 to 3.
    static func decimal(_ value: Double, digits: Int) -> String {
        let scale = [1.0, 10, 100, 1000][min(max(0, digits), 3)]
        let scaled = (value * scale).rounded()
        guard scaled.magnitude < 1e15 else { return "\(value)" }
        let whole = Int64(scaled.magnitude) / Int64(scale)
        let sign = scaled < 0 ? "-" : ""
        guard digits > 0 else { return "\(sign)\(whole)" }
        let fraction = String(Int64(scaled.magnitude) % Int64(scale))
        return "\(sign)\(whole)." + String(repeating: "0", count: min(digits, 3) - fraction.count) + fraction
    }
}
