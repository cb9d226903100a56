public import Logging
import Primitives
public import ServiceLifecycle
public import SignalingCore
public import SignalingService
public import Storage

/// Tells the operator's own services what happens in calls: one that wants to know (webhooks), and one that wakes
/// devices (push).
///
/// What they are told is stored in the transaction of the call's change, so there is never one without the other, and
/// sent from there until it succeeds. Nothing is written for a service that is not configured.
public final class OutboxService: Sendable {
    /// What the outbox counts.
    public let metrics = OutboxMetrics()

    private let settings: OutboxSettings
    private let workers: [DeliveryWorker]

    /// Makes an outbox.
    /// - Parameters:
    ///   - database: Where it is kept; migrated.
    ///   - presence: Knows which devices need not be woken.
    ///   - clock: The time.
    ///   - logger: Logs failed deliveries, but no bodies, tokens or secrets.
    public init(
        database: any Database, presence: any DevicePresence, settings: OutboxSettings, clock: OutboxClock,
        logger: Logger
    ) {
        self.settings = settings
        let metrics = metrics
        func worker(
            _ channel: OutboxMetrics.Channel, _ endpoint: OutboxSettings.Endpoint?, _ backoff: Backoff,
            _ preparation: Preparation
        ) -> DeliveryWorker? {
            endpoint.map {
                DeliveryWorker(
                    channel: channel, endpoint: $0, backoff: backoff, preparation: preparation, settings: settings,
                    database: database, clock: clock, figures: metrics[channel], logger: logger)
            }
        }
        workers = [
            worker(.webhook, settings.webhooks, settings.webhookBackoff, .asWritten),
            worker(
                .push, settings.push, settings.pushBackoff,
                .toPushTargets(PushTargets(database: database, presence: presence))),
        ].compactMap(\.self)
    }
}

extension OutboxService: Service {
    /// Sends until the server stops; requests that are in flight then get a few seconds, and the rest is sent by the
    /// next server.
    public func run() async throws {
        await withGracefulShutdownHandler {
            await withTaskGroup(of: Void.self) { group in
                for worker in workers { group.addTask { await worker.run() } }
            }
        } onGracefulShutdown: {
            for worker in self.workers { worker.stop() }
        }
    }
}

extension OutboxService: CallRecorder {
    /// The entries that a change of a call makes.
    public func steps(for change: RecordedChange) -> [Step] {
        webhookSteps(for: change) + pushSteps(for: change)
    }

    /// Wakes the workers that send what was written.
    public func recorded(_ change: RecordedChange, results: ArraySlice<StepResult>) {
        // Whether anything was written is not checked here: a worker that finds nothing goes back to sleep.
        for worker in workers { worker.wake() }
    }

    private func webhookSteps(for change: RecordedChange) -> [Step] {
        guard settings.webhooks != nil else { return [] }
        let call = change.transition.call
        let events = WebhookEvent.events(of: change.transition)
        guard !events.isEmpty else { return [] }
        let document = CallDocument(call, people: change.people)
        return events.map { event in
            let id = DeliveryID.random(at: change.at)
            return Entry.insert(
                id, .webhook, stream: "webhook:\(call.id)", kind: event.kind.rawValue,
                body: BodyCoding.text(WebhookBody(event, id: id, of: document, at: change.at)), at: change.at,
                expiresAt: change.at + settings.giveUpAge)
        }
    }

    private func pushSteps(for change: RecordedChange) -> [Step] {
        guard settings.push != nil else { return [] }
        let call = change.transition.call
        return PushNotice.notices(of: change.transition).map { notice in
            let id = DeliveryID.random(at: change.at)
            let body = PushBody(notice, id: id, of: call, people: change.people, at: change.at)
            let expiresAt: Instant =
                switch notice.kind {
                case .invite: notice.deadline
                case .cancel: max(notice.deadline, change.at + OutboxSettings.cancelSpan)
                }
            return Entry.insert(
                id, .push, stream: "push:\(call.id):\(notice.user)", kind: notice.kind.rawValue,
                body: BodyCoding.text(body), at: change.at, expiresAt: expiresAt)
        }
    }
}
