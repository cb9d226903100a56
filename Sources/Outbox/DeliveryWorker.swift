import Logging
import NIOConcurrencyHelpers
import Primitives
import Storage

/// Sends the entries of one channel of the outbox.
///
/// Entries are claimed with a lease, so servers on one database never send the same entry at the same time. What a
/// killed server was sending is claimed by another one when its lease has expired. Hence at least once, never lost.
final class DeliveryWorker: Sendable {
    private let channel: OutboxMetrics.Channel
    private let endpoint: OutboxSettings.Endpoint
    private let backoff: Backoff
    private let preparation: Preparation
    private let settings: OutboxSettings
    private let database: any Database
    private let clock: OutboxClock
    private let figures: OutboxMetrics.Figures
    private let logger: Logger
    private let wakeSignal = WakeSignal()
    private let state = NIOLockedValueBox(State())

    private struct State {
        var isStopping = false
        var isGraceOver = false
        /// Whether the service has been failing lately; logged once, not for each attempt.
        var isFailing = false
        var inFlight = 0
    }

    init(
        channel: OutboxMetrics.Channel, endpoint: OutboxSettings.Endpoint, backoff: Backoff, preparation: Preparation,
        settings: OutboxSettings, database: any Database, clock: OutboxClock, figures: OutboxMetrics.Figures,
        logger: Logger
    ) {
        self.channel = channel
        self.endpoint = endpoint
        self.backoff = backoff
        self.preparation = preparation
        self.settings = settings
        self.database = database
        self.clock = clock
        self.figures = figures
        var logger = logger
        logger[metadataKey: "channel"] = "\(channel.rawValue)"
        self.logger = logger
    }

    /// There is something to send.
    func wake() { wakeSignal.send() }

    /// Stops claiming.
    func stop() {
        state.withLockedValue { $0.isStopping = true }
        wakeSignal.send()
    }

    /// Sends until it is stopped or its task is cancelled.
    func run() async {
        let poster = Poster(endpoint, settings)
        await withDiscardingTaskGroup { group in
            var nextSweep = clock.now()
            while !isStopping {
                if clock.now() >= nextSweep {
                    await sweep()
                    nextSweep = clock.now() + OutboxSettings.sweepInterval
                }
                let free = settings.concurrency - inFlight
                let present = clock.now()
                let claimed = free > 0 ? await claim(free, at: present) : []
                for entry in claimed ?? [] {
                    count(1)
                    group.addTask {
                        await self.send(entry, by: poster)
                        self.count(-1)
                        self.wakeSignal.send()
                    }
                }
                if claimed?.count != free || free == 0 { await pause(since: present, hasFailed: claimed == nil) }
            }
            await finish(&group)
        }
        await poster.close()
    }

    private var isStopping: Bool { Task.isCancelled || state.withLockedValue { $0.isStopping } }
    private var inFlight: Int { state.withLockedValue { $0.inFlight } }

    private func count(_ difference: Int) {
        state.withLockedValue { $0.inFlight += difference }
        figures.inFlight.add(difference)
    }

    /// Gives requests in flight some time, then interrupts them.
    private func finish(_ group: inout DiscardingTaskGroup) async {
        group.addTask {
            try? await self.clock.sleep(self.settings.shutdownGrace)
            self.state.withLockedValue { $0.isGraceOver = true }
            self.wakeSignal.send()
        }
        while state.withLockedValue({ $0.inFlight > 0 && !$0.isGraceOver }), !Task.isCancelled {
            await wakeSignal.wait()
        }
        group.cancelAll()
    }

    // MARK: Claiming

    /// Takes entries on lease; nil when the database is unreachable.
    private func claim(_ count: Int, at now: Instant) async -> [Entry]? {
        let claim = ClaimID.random(at: now)
        let step = Step(
            preparation.claim,
            [
                .id(claim), .instant(now + settings.lease), .text(channel.rawValue), .instant(now),
                .integer(Int64(count)),
            ])
        do throws(DatabaseError) {
            let rows = try await database.commit(WriteUnit([step])).first?.rows ?? []
            var entries: [Entry] = []
            for row in rows { entries.append(try Entry(row, claim: claim)) }
            return entries.sorted { $0.number < $1.number }
        } catch {
            report(error, at: "claim")
            return nil
        }
    }

    /// Waits until something was written, is due or has finished, or a while has passed.
    /// - Parameter look: When due entries were last looked for.
    private func pause(since look: Instant, hasFailed: Bool) async {
        let span = hasFailed ? OutboxSettings.databaseRetryDelay : await timeToNext(since: look)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.wakeSignal.wait() }
            group.addTask { try? await self.clock.sleep(span) }
            await group.next()
            group.cancelAll()
        }
    }

    private func timeToNext(since look: Instant) async -> Instant.Span {
        do throws(DatabaseError) {
            let pending = try await database.query(.pendingOutboxEntries, [.text(channel.rawValue)]).first
            figures.pending.set(Int(try pending?.integer("pending") ?? 0))
            // Entries that became due since then count, too.
            let next = try await database.query(.nextDueOutboxEntry, [.text(channel.rawValue), .instant(look)]).first
            guard let due = try next?.instant("due_at") else { return settings.pollInterval }
            return min(max(due - clock.now(), .milliseconds(1)), settings.pollInterval)
        } catch {
            report(error, at: "look")
            return OutboxSettings.databaseRetryDelay
        }
    }

    private func sweep() async {
        let before = SQLValue.instant(clock.now() - OutboxSettings.keepSpan)
        let step = Step(.deleteFinishedOutboxEntries, [before, .integer(Int64(OutboxSettings.sweepLimit))])
        do throws(DatabaseError) {
            while try await database.commit(WriteUnit([step])).first?.count == OutboxSettings.sweepLimit, !isStopping {}
        } catch {
            report(error, at: "sweep")
        }
    }

    // MARK: Sending

    private func send(_ entry: Entry, by poster: Poster) async {
        let now = clock.now()
        do throws(DatabaseError) {
            guard now < entry.expiresAt else {
                return try await finish(entry, preparation.tooLate, error: "too old")
            }
            switch try await prepare(entry, at: now) {
            case .unneeded: try await finish(entry, .unneeded)
            case .body(let body):
                switch await poster.post(body, id: entry.id, kind: entry.kind, at: clock.wallClock()) {
                case .taken:
                    notice(isFailing: false, "")
                    try await finish(entry, .delivered)
                case .failed(let error):
                    figures.failedAttempts.add()
                    notice(isFailing: true, error)
                    try await postpone(entry, error: error)
                case .interrupted:
                    try await write([entry.postpone(until: clock.now())])
                }
            }
        } catch {
            // The lease expires by itself; then it is sent again.
            report(error, at: "outcome of \(entry.id)")
        }
    }

    private func prepare(_ entry: Entry, at now: Instant) async throws(DatabaseError) -> Prepared {
        switch preparation {
        case .asWritten: return .body(entry.body)
        case .toPushTargets(let devices):
            let earlier = Step(
                .supersedeOutboxEntries, [.text(entry.stream), .integer(entry.number), .instant(now)])
            figures.count(.superseded, try await write([earlier]).first?.count ?? 0)
            return try await devices.prepare(entry, at: now)
        }
    }

    private func postpone(_ entry: Entry, error: String) async throws(DatabaseError) {
        let due = clock.now() + backoff.wait(after: entry.attempts, chance: .random(in: 0...1))
        guard due < entry.expiresAt else { return try await finish(entry, preparation.tooLate, error: error) }
        var steps = [entry.postpone(until: due)]
        if case .asWritten = preparation {
            steps.append(Step(.postponeOutboxStream, [.text(entry.stream), .instant(due)]))
        }
        try await write(steps)
    }

    private func finish(
        _ entry: Entry, _ outcome: OutboxMetrics.Outcome, error: String? = nil
    ) async throws(DatabaseError) {
        let now = clock.now()
        // Entries that another server has taken over meanwhile are counted there.
        guard try await write([entry.finish(outcome, at: now)]).first?.count == 1 else { return }
        figures.count(outcome)
        if outcome == .delivered { figures.latency.add(Int(max(0, (now - entry.createdAt).milliseconds))) }
        guard outcome == .givenUp || outcome == .expired else { return }
        logger.warning(
            "a delivery is given up",
            metadata: [
                "delivery": "\(entry.id)", "kind": "\(entry.kind)", "stream": "\(entry.stream)",
                "attempts": "\(entry.attempts)", "error": "\(error ?? "")",
            ])
    }

    @discardableResult
    private func write(_ steps: [Step]) async throws(DatabaseError) -> [StepResult] {
        try await database.commit(WriteUnit(steps))
    }

    // MARK: Reporting

    private func notice(isFailing: Bool, _ error: String) {
        let wasFailing = state.withLockedValue { state in
            defer { state.isFailing = isFailing }
            return state.isFailing
        }
        switch (wasFailing, isFailing) {
        case (false, true):
            logger.warning("deliveries fail; retrying", metadata: ["error": "\(error)"])
        case (true, false): logger.notice("deliveries succeed again")
        case (true, true): logger.debug("a delivery failed", metadata: ["error": "\(error)"])
        case (false, false): break
        }
    }

    private func report(_ error: DatabaseError, at place: String) {
        logger.warning("the outbox is unavailable", metadata: ["at": "\(place)", "error": "\(error)"])
    }
}
