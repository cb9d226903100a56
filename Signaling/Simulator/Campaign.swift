/// Many schedules, run one after the other on each thread, until one breaks a rule.
struct Campaign: Sendable {
    let firstSeed: UInt64
    let count: Int
    /// How long to run at most, in seconds.
    let seconds: Double?
    let threads: Int
    /// How far from one seed to the next.
    var stride: UInt64 = 1

    struct Result {
        var schedules = 0
        var steps = 0
        var seconds = 0.0
        var coverage = Coverage()
        /// The lowest seed that broke a rule.
        var violation: (seed: UInt64, Violation)?
    }

    /// How many schedules a thread runs between checks of the clock.
    private static let batch = 250

    func run() async -> Result {
        let clock = ContinuousClock()
        let began = clock.now
        let deadline = seconds.map { began + .seconds($0) }
        var result = Result()
        let batches = Batches(count: (count + Self.batch - 1) / Self.batch)
        await withTaskGroup(of: Result.self) { group in
            for _ in 0..<threads {
                group.addTask {
                    var own = Result()
                    var rows: StoredRows?
                    while own.violation == nil, deadline.map({ clock.now < $0 }) ?? true,
                        let batch = await batches.take()
                    {
                        run(batch, &own, &rows)
                        if own.violation != nil { await batches.stop() }
                    }
                    return own
                }
            }
            for await part in group { result.add(part) }
        }
        let elapsed = began.duration(to: clock.now).components
        result.seconds = Double(elapsed.seconds) + Double(elapsed.attoseconds) / 1e18
        return result
    }

    /// - Parameter rows: The thread's own database, created when a schedule needs one.
    private func run(_ batch: Int, _ result: inout Result, _ rows: inout StoredRows?) {
        for number in batch * Self.batch..<min(count, (batch + 1) * Self.batch) {
            let seed = firstSeed &+ UInt64(number) &* stride
            let schedule = Schedule(seed: seed)
            if schedule.comparesRows, rows == nil { rows = try? StoredRows() }
            let world = World(schedule, rows: rows)
            world.run()
            result.schedules += 1
            result.steps += world.steps
            result.coverage.add(world.coverage)
            if let violation = world.violation {
                result.violation = (seed, violation)
                return
            }
        }
    }
}

/// Hands the batches out, lowest seeds first.
private actor Batches {
    private let count: Int
    private var next = 0

    init(count: Int) {
        self.count = count
    }

    func take() -> Int? {
        guard next < count else { return nil }
        next += 1
        return next - 1
    }

    func stop() {
        next = count
    }
}

extension Campaign.Result {
    fileprivate mutating func add(_ other: Campaign.Result) {
        schedules += other.schedules
        steps += other.steps
        coverage.add(other.coverage)
        if let new = other.violation, violation.map({ new.seed < $0.seed }) ?? true { violation = new }
    }

    /// A summary of the run for people.
    var summary: String {
        let time = max(seconds, 0.001)
        var lines = [
            "\(schedules) schedules, \(steps) steps in \(Self.rounded(seconds)) s:"
                + " \(Int(Double(schedules) / time)) schedules a second, \(Int(Double(steps) / time)) steps a second"
        ]
        let all = TableRow.allCases.count
        let missing = coverage.missing
        lines.append("rows of the tables: covered \(all - missing.count) of \(all)")
        for row in missing { lines.append("  not seen: \(row.title)") }
        let unseen = coverage.missingOfOwner
        let ownerRows = OwnerRow.allCases.count
        lines.append("rows of the owner: covered \(ownerRows - unseen.count) of \(ownerRows)")
        for row in unseen { lines.append("  not seen: \(row.title)") }
        lines.append(violation == nil ? "what must hold: \(Check.allCases.count) checks, all held" : "something broke")
        return lines.joined(separator: "\n")
    }

    private static func rounded(_ seconds: Double) -> String {
        let tenths = Int((seconds * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }
}
