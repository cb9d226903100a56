import Histogram
import Primitives

/// Something whose duration is measured.
struct Measure: Hashable, Sendable {
    /// In JSON.
    let key: String
    /// For people.
    let title: String
}

/// What a run measured. Durations are kept in microseconds, to three significant digits.
struct Statistics: Sendable {
    /// The longest duration that is recorded as such: an hour.
    static let longest: UInt64 = 3_600_000_000

    /// How many pieces were started.
    private(set) var started = 0
    /// How many were completed.
    private(set) var completed = 0
    /// How many pieces failed, including those that could not be started.
    private(set) var failed = 0
    /// Why pieces failed, and what else went wrong.
    private(set) var errors: [String: Int] = [:]
    /// When the last piece was completed.
    private(set) var lastCompletion: Instant?
    /// What is measured, in the order of the report.
    let measures: [Measure]
    private var histograms: [Measure: Histogram<UInt64>]

    /// Makes empty statistics.
    init(_ measures: [Measure]) {
        self.measures = measures
        histograms = [:]
        for measure in measures { histograms[measure] = Histogram(highestTrackableValue: Self.longest) }
    }

    /// Counts a started piece.
    mutating func start() { started += 1 }

    /// Counts a completed piece.
    mutating func complete(now: Instant) {
        completed += 1
        lastCompletion = now
    }

    /// Counts pieces that failed.
    mutating func fail(_ code: String, count: Int = 1) {
        guard count > 0 else { return }
        failed += count
        errors[code, default: 0] += count
    }

    /// Counts an error that is not the failure of a piece, or of one that has been counted.
    mutating func note(_ code: String, count: Int = 1) { errors[code, default: 0] += count }

    /// Records a duration; one below 0 counts as 0, one above an hour as an hour.
    mutating func record(_ measure: Measure, _ span: Instant.Span) {
        _ = histograms[measure]?.record(min(UInt64(max(0, span.microseconds)), Self.longest))
    }

    /// How a measure is distributed; nil when nothing was measured.
    func latency(_ measure: Measure) -> Latency? {
        guard let histogram = histograms[measure], histogram.totalCount > 0 else { return nil }
        return Latency(
            count: Int(clamping: histogram.totalCount), p50: Self.milliseconds(histogram.valueAtPercentile(50)),
            p90: Self.milliseconds(histogram.valueAtPercentile(90)),
            p99: Self.milliseconds(histogram.valueAtPercentile(99)), max: Self.milliseconds(histogram.max))
    }

    /// Pieces completed per second. The time runs to the last of them, and at least to the end of the schedule, so that
    /// the rate never exceeds the requested one.
    func achievedRate(of schedule: Schedule) -> Double {
        guard let lastCompletion else { return 0 }
        let scheduled = Double(schedule.count) / schedule.rate
        let taken = Double((lastCompletion - schedule.start).microseconds) / 1_000_000
        return Double(completed) / max(scheduled, taken)
    }

    private static func milliseconds(_ microseconds: UInt64) -> Double { Double(microseconds) / 1000 }
}

/// How a duration is distributed, in milliseconds.
struct Latency: Sendable, Equatable, Encodable {
    var count: Int
    var p50: Double
    var p90: Double
    var p99: Double
    var max: Double
}
