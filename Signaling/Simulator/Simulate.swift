import ArgumentParser

/// Runs random schedules against the real call core.
@main
struct Simulate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate",
        abstract: "Run random schedules of devices, network, database and crashes against the call core.",
        discussion: """
            Every schedule follows from its seed. The exit code is 0 when everything held and every row of the tables \
            was seen, and 1 otherwise; then the seed and the shortest trace that was found are printed.
            """)

    @Option(help: "The first seed.")
    var seed: UInt64 = 1

    @Option(help: "How many schedules to run.")
    var count: Int = 100_000

    @Option(help: "How many minutes to run at most.")
    var minutes: Double?

    @Option(help: "On how many threads to run.")
    var threads: Int = 2

    @Flag(help: "Print what happens in the schedule of --seed, and run no other.")
    var trace = false

    @Flag(help: "Do not fail when rows of the tables were not seen, as in a short run.")
    var partial = false

    @Flag(help: "Print how often each row of the tables was followed.")
    var rows = false

    @Flag(help: "Run only schedules that are compared with a real database.")
    var stored = false

    @Flag(help: "When something breaks, do not look for the shortest trace.")
    var brief = false

    func validate() throws {
        guard count > 0 else { throw ValidationError("--count must be at least 1.") }
        guard threads > 0, threads <= 256 else { throw ValidationError("--threads must be from 1 to 256.") }
        if let minutes, minutes <= 0 { throw ValidationError("--minutes must be more than 0.") }
    }

    func run() async throws {
        if trace { return try follow(Schedule(seed: seed)) }
        let stride = stored ? StoredRows.share : 1
        let campaign = Campaign(
            firstSeed: (seed + stride - 1) / stride * stride, count: count, seconds: minutes.map { $0 * 60 },
            threads: threads, stride: stride)
        let result = await campaign.run()
        print(result.summary)
        if rows { for line in result.coverage.lines { print(line) } }
        if let (seed, violation) = result.violation {
            print("\nseed \(seed): \(violation.check.title)\n  \(violation.detail)\n")
            if brief { throw ExitCode.failure }
            print("the shortest trace found:")
            try follow(Schedule(seed: seed).shortened(breaking: violation.check))
        }
        if !result.coverage.isComplete, !partial { throw ExitCode.failure }
    }

    private func follow(_ schedule: Schedule) throws {
        let world = World(schedule, rows: schedule.databaseToCompareWith, isTraced: true)
        world.run()
        for line in world.trace { print(line) }
        guard let violation = world.violation else { return print("everything held") }
        print("\nbroken: \(violation.check.title)\n  \(violation.detail)")
        throw ExitCode.failure
    }
}
