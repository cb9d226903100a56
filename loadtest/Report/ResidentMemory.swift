import FoundationEssentials

/// How much memory of a process is in RAM, as Linux tells it.
enum ResidentMemory {
    /// Reads `VmRSS` out of the text of `/proc/PID/status` (proc_pid_status(5)), in bytes; nil when it is not there.
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
        // A file of /proc says that it is empty, so it is read to its end.
        guard let status = try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8) else { return nil }
        return parse(status)
    }
}
