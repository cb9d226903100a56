import FoundationEssentials
import Glibc
import Primitives

/// How much processor time a process has used, all its threads and the kernel's work for them included, as reported by
/// Linux.
enum ProcessorTime {
    /// Reads `utime` and `stime` from the text of `/proc/PID/stat` (proc_pid_stat(5)); nil when they are missing.
    static func parse(_ stat: String, ticksPerSecond: Int) -> Instant.Span? {
        // The second field, the name of the program, is in parentheses and may contain anything.
        guard ticksPerSecond > 0, let end = stat.lastIndex(of: ")") else { return nil }
        let words = stat[end...].split(separator: " ")
        guard words.count > 13, let user = Int64(words[12]), let kernel = Int64(words[13]),
            (0..<(1 << 40)).contains(user), (0..<(1 << 40)).contains(kernel)
        else { return nil }
        return Instant.Span(microseconds: (user + kernel) * 1_000_000 / Int64(ticksPerSecond))
    }

    /// The time of a process so far, to ten milliseconds; nil when there is no such process.
    static func read(pid: Int32) -> Instant.Span? {
        // Files in /proc report size 0, so it is read to its end.
        guard let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8) else { return nil }
        return parse(stat, ticksPerSecond: sysconf(Int32(_SC_CLK_TCK)))
    }
}
