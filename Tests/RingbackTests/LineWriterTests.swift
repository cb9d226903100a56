import Foundation
import Logging
import Primitives
import Testing

@testable import Ringback

/// A caller that logs never waits for the log's reader.
@Suite("Line writer", .timeLimit(.minutes(1)))
struct LineWriterTests {
    /// A pipe; its content is read when the test says so.
    private func pipe() throws -> (reading: FileHandle, writing: FileHandle) {
        let pipe = Pipe()
        return (pipe.fileHandleForReading, pipe.fileHandleForWriting)
    }

    @Test("Lines come in their order, each whole")
    func order() throws {
        let (reading, writing) = try pipe()
        let writer = LineWriter(descriptor: writing.fileDescriptor)
        let lines = (1...500).map { "line \($0)" }
        for line in lines { writer.write(line) }
        writer.flush()
        try writing.close()
        let text = String(decoding: try reading.readToEnd() ?? Data(), as: UTF8.self)
        #expect(text.split(separator: "\n").map(String.init) == lines)
        #expect(writer.dropped.value == 0)
    }

    @Test("A pipe that nobody reads blocks nobody, and the reader is told what is missing")
    func nobodyReads() throws {
        let (reading, writing) = try pipe()
        defer { try? writing.close() }
        let writer = LineWriter(descriptor: writing.fileDescriptor, capacity: 1 << 17)
        writer.setDropNotice { "\($0) are missing" }
        let line = String(repeating: "x", count: 999)
        // The pipe takes 64 KiB, and the thread and the queue 128 KiB each.
        let count = 2000
        for _ in 1...count { writer.write(line) }
        let dropped = writer.dropped.value
        #expect(dropped > count / 2)
        // A flush gives up.
        let elapsed = ContinuousClock().measure { writer.flush() }
        #expect((.milliseconds(900)...(.seconds(20))).contains(elapsed))

        // Now somebody reads.
        var text = ""
        var missing: Int {
            text.split(separator: "\n").filter { $0.hasSuffix(" are missing") }
                .compactMap { Int($0.dropLast(" are missing".count)) }.reduce(0, +)
        }
        while missing < dropped { text += String(decoding: reading.availableData, as: UTF8.self) }
        #expect(missing == dropped)
        #expect(text.split(separator: "\n").count { $0 == line } == count - dropped)
        writer.write("the next")
        writer.flush()
        #expect(String(decoding: reading.availableData, as: UTF8.self) == "the next\n")
        #expect(writer.dropped.value == dropped)
    }

    @Test("A closed pipe loses lines and nothing else")
    func closedPipe() throws {
        signal(SIGPIPE, SIG_IGN)
        let (reading, writing) = try pipe()
        defer { try? writing.close() }
        let writer = LineWriter(descriptor: writing.fileDescriptor)
        try reading.close()
        for _ in 1...3 {
            writer.write("to nobody")
            writer.flush()
        }
        #expect(writer.dropped.value == 3)
    }

    @Test("Only a line longer than the capacity is dropped")
    func longLine() {
        var queue = LineQueue(capacity: 10)
        let taken = ["four", "more than ten bytes", "1234", ""].map { queue.append($0) }
        #expect(taken == [true, false, true, false])
        let (bytes, dropped) = queue.take()
        #expect(String(decoding: bytes, as: UTF8.self) == "four\n1234\n")
        #expect(dropped == 2)
        #expect(queue.take().bytes.isEmpty)
    }

    @Test("The level of all loggers changes at once, except those with one of their own")
    func threshold() {
        let threshold = LogThreshold(.info)
        let common = Logger(label: "a") { LogLine(label: $0, threshold: threshold, format: .text) }
        var own = common
        own.logLevel = .critical
        for level in Logger.Level.allCases {
            threshold.level = level
            #expect(common.logLevel == level)
            #expect(own.logLevel == .critical)
        }
    }
}
