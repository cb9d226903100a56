import Logging
import NIOConcurrencyHelpers
import Primitives
import SignalingCore
import SignalingService
import Storage
import TestDatabases

@testable import Outbox

/// An outbox on a real database, a real receiver, and time that a test moves.
final class OutboxWorld: Sendable {
    static let webhookSecret = "a secret of webhooks"
    static let pushSecret = "a secret of pushes"

    let database: any Database
    let receiver: Receiver
    let time: VirtualTime
    let service: OutboxService
    let presence: Presence
    private let workers: Int

    struct Presence: DevicePresence {
        let devices = NIOLockedValueBox<[UserID: Set<DeviceID>]>([:])

        func connectedDevices(of user: UserID) -> Set<DeviceID> {
            devices.withLockedValue { $0[user] ?? [] }
        }
    }

    init(
        _ database: any Database, _ receiver: Receiver, _ channels: [OutboxMetrics.Channel] = [.webhook],
        time: VirtualTime = VirtualTime(), _ change: (inout OutboxSettings) -> Void = { _ in }
    ) {
        self.database = database
        self.receiver = receiver
        self.time = time
        presence = Presence()
        workers = channels.count
        var settings = OutboxSettings()
        if channels.contains(.webhook) {
            settings.webhooks = .init(url: Redacted(receiver.url), secret: Redacted(Self.webhookSecret))
        }
        if channels.contains(.push) {
            settings.push = .init(url: Redacted(receiver.url), secret: Redacted(Self.pushSecret))
        }
        // Much longer than an answer takes on this machine, however busy it is.
        settings.requestTimeout = .seconds(20)
        change(&settings)
        service = OutboxService(
            database: database, presence: presence, settings: settings, clock: time.clock,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    /// Runs a test with an empty database and a receiver.
    static func with(
        _ engine: DatabaseEngine, _ body: (any Database, TestDatabase.Place, Receiver) async throws -> Void
    ) async throws {
        try await TestDatabase.with(engine) { database, place in
            try await Receiver.run { try await body(database, place, $0) }
        }
    }

    /// Lets the service run for as long as the body runs.
    func running<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value {
        let running = Task { try await service.run() }
        do {
            let value = try await body()
            running.cancel()
            try await running.value
            return value
        } catch {
            running.cancel()
            try? await running.value
            throw error
        }
    }

    /// Stores the events of call changes, as with the calls' own changes, and signals it.
    func record(_ changes: [RecordedChange]) async throws {
        for change in changes {
            let results = try await database.commit(WriteUnit(service.steps(for: change)))
            service.recorded(change, results: results[...])
        }
    }

    /// Lets time pass, from one due moment to the next, until a condition is fulfilled.
    ///
    /// A worker that a signal has not reached yet looks idle, so time may pass once more than it waits for. A test that
    /// reads the clock waits without time passing first.
    func passTime(until condition: () async throws -> Bool) async throws {
        while try await !condition() {
            let seen = time.sleeps
            let isIdle =
                time.sleeping == workers
                && OutboxMetrics.Channel.allCases.allSatisfy { service.metrics[$0].inFlight.value == 0 }
            if isIdle { time.jump() }
            await time.sleeps(beyond: seen)
        }
    }

    /// Waits until a condition is fulfilled without time passing. Workers go to sleep after each step.
    func wait(until condition: () throws -> Bool) async throws {
        while true {
            let seen = time.sleeps
            if try condition() { return }
            await time.sleeps(beyond: seen)
        }
    }

    /// Lets time pass until so many deliveries are finished.
    func passTime(
        untilFinished count: Int, _ outcome: OutboxMetrics.Outcome = .delivered,
        _ channel: OutboxMetrics.Channel = .webhook
    ) async throws {
        try await passTime { finished(outcome, channel) >= count }
    }

    func finished(_ outcome: OutboxMetrics.Outcome, _ channel: OutboxMetrics.Channel = .webhook) -> Int {
        service.metrics[channel].outcomes[outcome]?.value ?? 0
    }

    // MARK: People

    /// Creates an account for a profile, and a session for each of its devices with its push token.
    func add(_ profile: Profile, devices: [(device: DeviceID, pushToken: String?)]) async throws {
        let now = time.now
        var steps = [
            Step(
                .insertUser,
                [
                    .id(profile.id), .text(profile.username), .null, .text("-"), .text(profile.displayName),
                    .text(profile.displayName.lowercased()), .null, .text("user"), .instant(now),
                ])
        ]
        for (device, token) in devices {
            let session = SessionID.random(at: now)
            steps.append(
                Step(
                    .insertSession,
                    [
                        .id(session), .id(profile.id), .text("\(session)"), .instant(now + .seconds(86_400)), .text(""),
                        .text(""), .id(device), .text("A phone"), .instant(now),
                    ]))
            steps.append(Step(.setPushToken, [.id(session), .text(token)]))
        }
        _ = try await database.commit(WriteUnit(steps))
    }
}
