import FoundationEssentials
import Primitives
import Testing

@testable import loadtest

@Suite("Report")
struct ReportTests {
    private func report(errors: [String: Int]) -> Report {
        Report(
            scenario: "calls", server: "http://127.0.0.1:8080", subprotocol: "ringback.v1.proto",
            startedAt: Instant(microseconds: 0),
            figures: [
                Report.Figure(key: "pairs", title: "pairs", value: 10),
                Report.Figure(key: "achieved_per_second", title: "calls a second achieved", value: 19.96, digits: 1),
            ],
            rows: [
                Report.Row(
                    measure: Measure(key: "a", title: "invite to reply"),
                    latency: Latency(count: 200, p50: 1.5, p90: 12.25, p99: 100, max: 1234.567)),
                Report.Row(measure: Measure(key: "b", title: "ring"), latency: nil),
            ],
            errors: errors)
    }

    @Test("For people: columns are aligned")
    func text() {
        #expect(
            report(errors: ["timeout": 2, "rate_limited": 31, "conflict": 2]).text() == """
                calls at http://127.0.0.1:8080, ringback.v1.proto, 1970-01-01T00:00:00.000Z

                pairs                      10
                calls a second achieved  20.0

                milliseconds     count   p50    p90     p99      max
                invite to reply    200  1.50  12.25  100.00  1234.57
                ring                 0     -      -       -        -

                errors        count
                rate_limited     31
                conflict          2
                timeout           2

                """)
        #expect(report(errors: [:]).text().hasSuffix("\nno errors\n"))
        #expect(!report(errors: [:]).hasFailures)
        #expect(report(errors: ["timeout": 1]).hasFailures)
    }

    @Test("For programs: values that were not measured are left out")
    func json() throws {
        struct Read: Decodable {
            struct Latency: Decodable {
                var count: Int
                var p99: Double
            }
            var scenario: String
            var startedAt: String
            var figures: [String: Double]
            var latencies: [String: Latency]
            var errors: [String: Int]

            enum CodingKeys: String, CodingKey {
                case scenario
                case startedAt = "started_at"
                case figures
                case latencies = "latencies_ms"
                case errors
            }
        }
        let read = try JSONDecoder().decode(Read.self, from: report(errors: ["timeout": 1]).json())
        #expect(read.scenario == "calls")
        #expect(read.startedAt == "1970-01-01T00:00:00.000Z")
        #expect(read.figures == ["pairs": 10, "achieved_per_second": 19.96])
        #expect(read.latencies.keys.sorted() == ["a"])
        #expect(read.latencies["a"]?.count == 200)
        #expect(read.latencies["a"]?.p99 == 100)
        #expect(read.errors == ["timeout": 1])
    }

    @Test(
        "Numbers",
        arguments: [
            (0.0, 2, "0.00"), (0.005, 2, "0.01"), (1.999, 2, "2.00"), (-1.5, 1, "-1.5"), (12.04, 1, "12.0"),
            (7.6, 0, "8"),
        ])
    func decimals(value: Double, digits: Int, text: String) {
        #expect(Report.decimal(value, digits: digits) == text)
    }

    @Test("Memory is parsed as Linux writes it")
    func memory() {
        #expect(ResidentMemory.parse("VmPeak:\t  10 kB\nVmRSS:\t   1234 kB\nThreads:\t1\n") == 1234 * 1024)
        #expect(ResidentMemory.parse("VmRSS: many kB\n") == nil)
        #expect(ResidentMemory.parse("VmRSS:\t99999999999999999999 kB\n") == nil)
        #expect(ResidentMemory.parse("") == nil)
        #expect((ResidentMemory.read(pid: ProcessInfo.processInfo.processIdentifier) ?? 0) > 1 << 20)
    }

    @Test("Processor time is parsed as Linux writes it")
    func processorTime() throws {
        let stat = "7 (a (b) c) S 1 7 7 0 -1 4194560 9 0 0 0 123 45 6 7 20 0 1 0 5 1 1\n"
        #expect(ProcessorTime.parse(stat, ticksPerSecond: 100) == .milliseconds(1680))
        #expect(ProcessorTime.parse("7 (a) S 1 7 7 0 -1 4194560 9 0 0 0 123\n", ticksPerSecond: 100) == nil)
        #expect(ProcessorTime.parse(stat.replacing(" 123 ", with: " -1 "), ticksPerSecond: 100) == nil)
        #expect(ProcessorTime.parse(stat.replacing(" 45 ", with: " 9999999999999 "), ticksPerSecond: 100) == nil)
        #expect(ProcessorTime.parse("", ticksPerSecond: 100) == nil)
        let pid = ProcessInfo.processInfo.processIdentifier
        let before = try #require(ProcessorTime.read(pid: pid))
        let start = Instant.ofProcess
        while Instant.ofProcess - start < .milliseconds(30) {}
        #expect(try #require(ProcessorTime.read(pid: pid)) > before)
        #expect(ProcessorTime.read(pid: .max) == nil)
    }

    @Test("Processor time is divided by what was completed", arguments: [(0, 900.0), (1, 900), (3, 300)])
    func processorTimeOfEach(completed: Int, microseconds: Double) {
        var statistics = Statistics([])
        for _ in 0..<completed { statistics.complete(now: Instant(microseconds: 0)) }
        var report = Report(
            scenario: "relay", server: "", subprotocol: "", startedAt: Instant(microseconds: 0), piece: "relays",
            pairs: 1, schedule: Schedule(start: Instant(microseconds: 0), rate: 1, seconds: 1), statistics: statistics,
            processorTime: Instant.Span(microseconds: 900))
        report.add(serverProcessorTime: Instant.Span(microseconds: 900), completed: completed)
        let found = Dictionary(uniqueKeysWithValues: report.figures.map { ($0.key, $0.value) })
        #expect(found["generator_microseconds"] == microseconds)
        #expect(found["server_microseconds"] == microseconds)
    }
}
