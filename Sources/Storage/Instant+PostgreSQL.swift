public import Primitives

extension Instant {
    /// Reads PostgreSQL's text form of a `timestamptz` with `DateStyle=ISO` and `TimeZone=UTC`: `2026-11-21
    /// 03:52:27.123456+00`, with none to six fraction digits, any number of year digits, and ` BC` after it where
    /// necessary. Nil for anything else, including `infinity`.
    public init?(postgreSQL text: String) {
        var reader = DigitReader(text)
        guard
            let year = reader.number(digits: 4...6), reader.skip("-"),
            let month = reader.number(digits: 2...2), reader.skip("-"),
            let day = reader.number(digits: 2...2), reader.skip(" "),
            let hour = reader.number(digits: 2...2), reader.skip(":"),
            let minute = reader.number(digits: 2...2), reader.skip(":"),
            let second = reader.number(digits: 2...2)
        else { return nil }
        var fraction = 0
        if reader.skip(".") {
            guard let millionths = reader.fraction(digits: 6) else { return nil }
            fraction = millionths
        }
        guard reader.skip("+00") else { return nil }
        // There is no year 0: 1 BC comes before 1.
        let civilYear = reader.skip(" BC") ? 1 - year : year
        guard
            reader.isAtEnd, year > 0, (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60,
            second < 60
        else { return nil }
        let days = CivilDate.daysSinceEpoch(year: civilYear, month: month, day: day)
        var seconds = days * 86_400 + hour * 3600 + minute * 60 + second
        // Towards zero, so that the minimum moment does not overflow half-way.
        if seconds < 0, fraction > 0 {
            seconds += 1
            fraction -= 1_000_000
        }
        // Years of six digits need more microseconds than fit, so the last step may fail.
        let (microseconds, multiplied) = Int64(seconds).multipliedReportingOverflow(by: 1_000_000)
        let (sum, added) = microseconds.addingReportingOverflow(Int64(fraction))
        guard !multiplied, !added else { return nil }
        self.init(microseconds: sum)
    }

    /// The text form from which PostgreSQL reads the same `timestamptz`, whatever its `TimeZone`. Its range is narrower
    /// than ours: beyond 4713 BC and the year 294276 the server refuses it.
    var postgreSQLText: String {
        var seconds = microseconds / 1_000_000
        var fraction = microseconds % 1_000_000
        if fraction < 0 {
            fraction += 1_000_000
            seconds -= 1
        }
        var days = seconds / 86_400
        var rest = seconds % 86_400
        if rest < 0 {
            rest += 86_400
            days -= 1
        }
        let date = CivilDate(daysSinceEpoch: Int(days))
        let year = date.year > 0 ? date.year : 1 - date.year
        let time =
            "\(padded(rest / 3600, 2)):\(padded(rest / 60 % 60, 2)):\(padded(rest % 60, 2)).\(padded(fraction, 6))"
        let day = "\(padded(Int64(year), 4))-\(padded(Int64(date.month), 2))-\(padded(Int64(date.day), 2))"
        return "\(day) \(time)+00\(date.year > 0 ? "" : " BC")"
    }
}

private func padded(_ number: Int64, _ width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
}

/// Parses a text of digits and marks.
private struct DigitReader {
    private var rest: Substring.UTF8View

    init(_ text: String) {
        rest = Substring(text).utf8
    }

    var isAtEnd: Bool { rest.isEmpty }

    /// Goes past `mark` if it comes next.
    mutating func skip(_ mark: StaticString) -> Bool {
        let mark = mark.description.utf8
        guard rest.starts(with: mark) else { return false }
        rest = rest.dropFirst(mark.count)
        return true
    }

    /// Reads all digits that come next; nil when there are more or fewer than allowed.
    mutating func number(digits allowed: ClosedRange<Int>) -> Int? {
        let digits = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        guard allowed.contains(digits.count) else { return nil }
        rest = rest.dropFirst(digits.count)
        return digits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
    }

    /// Reads one to `digits` digits as a fraction of the power of ten with so many zeros.
    mutating func fraction(digits: Int) -> Int? {
        let before = rest.count
        guard var number = number(digits: 1...digits) else { return nil }
        for _ in (before - rest.count)..<digits { number *= 10 }
        return number
    }
}
