import FoundationEssentials

/// How much memory of a process is in RAM, as reported by Linux.
enum ResidentMemory {
    /// Reads `VmRSS` from the text of `/proc/PID/status` (proc_pid_status(5)), in bytes; nil when it is missing.
    static func parse(_ status: String) -> Int? {
        for line in status.split(separator: "\n") where line.hasPrefix("VmRSS:") {
            let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" })
            guard words.count == 3, words[2] == "kB", let kilobytes = Int(words[1]), (0..<(1 << 40)).contains(kilobytes)
            else { return nil }
            return kilobytes * 1024
        }
        return nil
    }

    /// The memory of a process now, in bytes; nil when there is no such process.
    static func read(pid: Int32) -> Int? {
        // Files in /proc report size 0, so it is read to its end.
        guard let status = try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8) else { return nil }
        return parse(status)
    }
}
