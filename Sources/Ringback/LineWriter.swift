import Dispatch
import Foundation
import NIOConcurrencyHelpers
import Primitives

/// A queue of lines for a reader who may be slow or absent: a plain value.
///
/// It has a capacity in bytes. Lines that do not fit are dropped and counted, and the reader is told.
struct LineQueue {
    private let capacity: Int
    private var bytes: [UInt8] = []
    private var dropped = 0

    /// Makes an empty queue.
    init(capacity: Int) {
        self.capacity = capacity
    }

    /// Appends a line, without a newline; false when it was dropped.
    mutating func append(_ line: String) -> Bool {
        guard bytes.count + line.utf8.count < capacity else {
            dropped += 1
            return false
        }
        bytes += line.utf8
        bytes.append(UInt8(ascii: "\n"))
        return true
    }

    /// Takes all queued lines, and how many lines were dropped after them.
    mutating func take() -> (bytes: [UInt8], dropped: Int) {
        defer { (bytes, dropped) = ([], 0) }
        return (bytes, dropped)
    }
}

/// Writes lines to a descriptor on a thread of its own, so that the caller never waits for the reader.
final class LineWriter: Sendable {
    private struct State {
        var queue: LineQueue
        var hasThread = false
        /// Whether something is queued or being written.
        var isBusy = false
        /// Signalled when nothing is queued any more.
        var flushes: [DispatchSemaphore] = []
        var dropNotice: @Sendable (Int) -> String = { "\($0) lines were dropped" }
    }

    /// The program's standard error, for everything except results.
    static let standardError = LineWriter(descriptor: STDERR_FILENO)
    /// The program's standard output, for the server's one line.
    static let standardOutput = LineWriter(descriptor: STDOUT_FILENO)

    /// Lines that could not be written, or for which there was no room.
    let dropped = Counter()
    private let descriptor: Int32
    private let state: NIOLockedValueBox<State>
    /// Signalled when there is something to write for an idle thread.
    private let work = DispatchSemaphore(value: 0)

    /// Makes a writer; its thread starts with the first line.
    /// - Parameters:
    ///   - descriptor: Where to write; never closed here.
    ///   - capacity: How many bytes may wait.
    init(descriptor: Int32, capacity: Int = 1 << 20) {
        self.descriptor = descriptor
        state = NIOLockedValueBox(State(queue: LineQueue(capacity: capacity)))
    }

    /// Queues a line, without a newline. Never waits; a line for which there is no room is dropped.
    func write(_ line: String) {
        let (isTaken, isFirst, needsThread) = state.withLockedValue { state in
            let isTaken = state.queue.append(line)
            defer { (state.isBusy, state.hasThread) = (true, true) }
            return (isTaken, !state.isBusy, !state.hasThread)
        }
        if !isTaken { dropped.add() }
        if needsThread { startThread() }
        if isFirst { work.signal() }
    }

    /// Sets the text of the line that reports how many were dropped.
    func setDropNotice(_ words: @escaping @Sendable (Int) -> String) {
        state.withLockedValue { $0.dropNotice = words }
    }

    /// Waits until everything is written, but at most a second: nobody may be reading.
    func flush() {
        let done = DispatchSemaphore(value: 0)
        let isBusy = state.withLockedValue { state in
            if state.isBusy { state.flushes.append(done) }
            return state.isBusy
        }
        if isBusy { _ = done.wait(timeout: .now() + .seconds(1)) }
    }

    private func startThread() {
        let thread = Thread { [self] in
            while true {
                work.wait()
                while let (bytes, notice) = next() {
                    put(bytes)
                    if let notice { put(Array("\(notice)\n".utf8)) }
                }
            }
        }
        thread.name = "lines"
        thread.start()
    }

    /// What has to be written now; nil when there is nothing.
    private func next() -> (bytes: [UInt8], notice: String?)? {
        let (bytes, notice, flushes) = state.withLockedValue { state in
            let (bytes, dropped) = state.queue.take()
            let notice = dropped > 0 ? state.dropNotice(dropped) : nil
            guard bytes.isEmpty, notice == nil else { return (bytes, notice, [DispatchSemaphore]()) }
            state.isBusy = false
            defer { state.flushes = [] }
            return (bytes, notice, state.flushes)
        }
        for flush in flushes { flush.signal() }
        return bytes.isEmpty && notice == nil ? nil : (bytes, notice)
    }

    /// Writes bytes, however long it takes. Bytes that can't be written, because the disk is full or the pipe closed,
    /// are lost, and the program continues without them.
    private func put(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count > 0 {
                rest = rest.dropFirst(count)
                continue
            }
            switch errno {
            case EINTR: continue
            case EAGAIN: waitForRoom()
            default:
                dropped.add(rest.count { $0 == UInt8(ascii: "\n") })
                return
            }
        }
    }

    /// Another process that shares the descriptor has made its writes non-blocking.
    private func waitForRoom() {
        var wait = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        _ = unsafe poll(&wait, 1, -1)
    }
}

extension LineWriter {
    /// The metrics, for Prometheus.
    var metricFamilies: [MetricFamily] {
        [
            MetricFamily(
                "log_lines_dropped_total", .counter, help: "Log lines that could not be written, or not fast enough.",
                samples: [.init(dropped.value)])
        ]
    }
}
