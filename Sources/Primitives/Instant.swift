import Glibc

/// A moment in UTC, in microseconds since the Unix epoch: the resolution of both databases.
public struct Instant: Hashable, Comparable, Sendable {
    /// Microseconds since 1970-01-01T00:00:00Z.
    public let microseconds: Int64

    /// Makes a moment from microseconds since the Unix epoch.
    public init(microseconds: Int64) {
        self.microseconds = microseconds
    }

    /// Whole milliseconds since the Unix epoch, rounded down.
    public var milliseconds: Int64 {
        microseconds >= 0 ? microseconds / 1000 : (microseconds + 1) / 1000 - 1
    }

    /// Whether the left moment comes first.
    public static func < (left: Instant, right: Instant) -> Bool {
        left.microseconds < right.microseconds
    }

    /// The moment that is so much later; wraps at the end of time instead of trapping.
    public static func + (instant: Instant, span: Span) -> Instant {
        Instant(microseconds: instant.microseconds.addingReportingOverflow(span.microseconds).partialValue)
    }

    /// The moment that is so much earlier; wraps at the end of time instead of trapping.
    public static func - (instant: Instant, span: Span) -> Instant {
        Instant(microseconds: instant.microseconds.subtractingReportingOverflow(span.microseconds).partialValue)
    }

    /// How much later the left moment is than the right one.
    public static func - (left: Instant, right: Instant) -> Span {
        Span(microseconds: left.microseconds.subtractingReportingOverflow(right.microseconds).partialValue)
    }

    /// The machine's clock. It may be set back or forward: durations are measured by a `SteadyClock`.
    public static var ofSystemClock: Instant { Instant(clock: CLOCK_REALTIME) }

    /// How long the machine has been running, as a moment of a separate time; continues while the machine is suspended.
    public static var ofUptime: Instant { Instant(clock: CLOCK_BOOTTIME) }

    /// The processor time that this process has used, as a moment of a separate time.
    package static var ofProcess: Instant { Instant(clock: CLOCK_PROCESS_CPUTIME_ID) }

    /// The processor time that this thread has used, as a moment of a separate time.
    package static var ofThread: Instant { Instant(clock: CLOCK_THREAD_CPUTIME_ID) }

    private init(clock: clockid_t) {
        var time = timespec()
        unsafe clock_gettime(clock, &time)
        self.init(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000)
    }

    /// A length of time in microseconds; may be negative.
    public struct Span: Hashable, Comparable, Sendable {
        /// The length in microseconds.
        public let microseconds: Int64

        /// Makes a length of microseconds.
        public init(microseconds: Int64) {
            self.microseconds = microseconds
        }

        /// A length of whole milliseconds.
        public static func milliseconds(_ count: Int64) -> Span { Span(microseconds: count * 1000) }
        /// A length of whole seconds.
        public static func seconds(_ count: Int64) -> Span { Span(microseconds: count * 1_000_000) }

        /// The length in whole milliseconds, rounded towards zero.
        public var milliseconds: Int64 { microseconds / 1000 }

        /// Whether the left length is shorter.
        public static func < (left: Span, right: Span) -> Bool { left.microseconds < right.microseconds }
    }
}

extension Instant: CustomStringConvertible {
    /// RFC 3339 in UTC with milliseconds: `2026-01-31T12:00:00.000Z`.
    public var description: String {
        let date = CivilDate(daysSinceEpoch: Int(milliseconds.floorDivided(by: 86_400_000)))
        let rest = Int(milliseconds.floorRemainder(by: 86_400_000))
        let (hour, minute, second) = (rest / 3_600_000, rest / 60_000 % 60, rest / 1000 % 60)
        return "\(date)T\(padded(hour, 2)):\(padded(minute, 2)):\(padded(second, 2)).\(padded(rest % 1000, 3))Z"
    }
}

/// A day of the proleptic Gregorian calendar.
public struct CivilDate: Hashable, Sendable, CustomStringConvertible {
    /// The year; 1 BC is 0.
    public let year: Int
    /// 1 to 12.
    public let month: Int
    /// 1 to 31.
    public let day: Int

    /// The day that is this many days after 1970-01-01.
    public init(daysSinceEpoch: Int) {
        // Days are counted in eras of 400 years that begin on 1 March, so that a leap day ends its year.
        let shifted = daysSinceEpoch + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    /// Days since 1970-01-01; negative before it.
    public static func daysSinceEpoch(year: Int, month: Int, day: Int) -> Int {
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = (shiftedYear >= 0 ? shiftedYear : shiftedYear - 399) / 400
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    /// RFC 3339: `2026-01-31`.
    public var description: String {
        "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))"
    }
}

private func padded(_ number: Int, _ width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
}

extension Int64 {
    fileprivate func floorDivided(by divisor: Int64) -> Int64 {
        let quotient = self / divisor
        return self % divisor < 0 ? quotient - 1 : quotient
    }

    fileprivate func floorRemainder(by divisor: Int64) -> Int64 {
        let remainder = self % divisor
        return remainder < 0 ? remainder + divisor : remainder
    }
}
