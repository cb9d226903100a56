public import Logging
import NIOConcurrencyHelpers
public import Primitives
public import Storage

/// Sends messages and reads conversations. Conversations live in the database; none of their data is kept in memory.
public final class MessagingService: Sendable {
    /// The longest body, in bytes of UTF-8.
    public static let bodyLimit = 16 * 1024
    /// The longest page of a conversation's history.
    public static let pageLimit = 100

    /// How many messages were stored.
    public let sent = Counter()
    /// How many repeats found their message already stored.
    public let repeated = Counter()

    let database: any Database
    let now: @Sendable () -> Instant
    let events: any MessageEvents
    let logger: Logger
    let quotas: DailyQuotas
    private let unknown = NIOLockedValueBox(UnknownOutcomes())
    private let noted = NotedFacts<MessageInsert.FirstMessage>()

    /// Makes the service.
    /// - Parameters:
    ///   - database: Where messages are kept; migrated.
    ///   - events: Takes messages to devices.
    ///   - quotas: How much one user may store in a day.
    ///   - now: The clock.
    ///   - logger: Logs errors.
    public init(
        database: any Database, events: any MessageEvents, quotas: QuotaLimits = QuotaLimits(),
        now: @escaping @Sendable () -> Instant, logger: Logger
    ) {
        self.database = database
        self.events = events
        self.now = now
        self.logger = logger
        self.quotas = DailyQuotas(database: database, limits: quotas, now: now)
    }

    /// Sends a message: commit, then the answer, then the delivery.
    ///
    /// Returns at once. Messages that one thread sends in succession keep their order. A repeat of a client message id
    /// of this sender is answered with the message as stored. It is not delivered again, unless the first attempt ended
    /// as `unavailable` although the message was stored.
    /// - Parameters:
    ///   - draft: What to send and where.
    ///   - sender: The sender.
    ///   - device: The sending device; it gets the answer and not the delivery.
    ///   - completion: Called once: on this thread when the draft is malformed, else on a thread of the database, in
    ///     the order of the conversation. Must not block. `invalid`, `tooLarge`, `notFound` (no such conversation or
    ///     user, or the sender may not use it), `rateLimited` (today's quota is used up), `unavailable`, `internal`.
    public func send(
        _ draft: Draft, from sender: UserID, device: DeviceID,
        completion: @escaping @Sendable (Result<Message, MessagingError>) -> Void
    ) {
        let order: MessageInsert
        do throws(MessagingError) {
            order = try MessageInsert(draft, from: sender, device: device, now: now())
        } catch {
            completion(.failure(error))
            return
        }
        if let wait = spend(on: order) {
            lookUp(order, or: .usedUp(.messages, retryAfter: wait), completion: completion)
        } else {
            enqueue(order, triesLeft: 3, completion: completion)
        }
    }

    private func enqueue(
        _ order: MessageInsert, triesLeft: Int, mayBeFirst: Bool = false,
        completion: @escaping @Sendable (Result<Message, MessagingError>) -> Void
    ) {
        let news = mayBeFirst ? [order.first] : noted.news(among: [order.first])
        let isFirst = !news.isEmpty
        database.enqueue(order.unit(isFirst: isFirst)) { [self] result in
            do throws(DatabaseError) {
                let outcome = try order.outcome(try result.get(), isFirst: isFirst)
                let wasUnknown = unknown.withLockedValue { $0.remove(order.key) }
                switch outcome {
                case .stored(let message, let recipients):
                    sent.add()
                    completion(.success(message))
                    deliver(message, to: recipients)
                    noted.note(news)
                case .repeated(let message):
                    repeated.add()
                    completion(.success(message))
                    if wasUnknown { deliver(message, of: order) }
                    giveBack(order)
                case .refused where !isFirst:
                    // What is noted may no longer be true: only the whole unit knows.
                    enqueue(order, triesLeft: triesLeft, mayBeFirst: true, completion: completion)
                case .refused:
                    completion(.failure(order.refusal))
                    giveBack(order)
                }
            } catch  where error.code == .constraint("messages_sender_id_client_message_id_key") && triesLeft > 1 {
                // Another server stored the same message at the same moment; now it can be found.
                enqueue(order, triesLeft: triesLeft - 1, completion: completion)
            } catch {
                if error.code == .outcomeUnknown {
                    unknown.withLockedValue { $0.insert(order.key) }
                } else {
                    giveBack(order)
                }
                completion(.failure(messagingError(error, at: "insert_message")))
            }
        }
    }

    /// Answers with the message if it was already stored, else with the error.
    private func lookUp(
        _ order: MessageInsert, or error: MessagingError,
        completion: @escaping @Sendable (Result<Message, MessagingError>) -> Void
    ) {
        database.enqueue(WriteUnit([order.earlier])) { [self] result in
            do throws(DatabaseError) {
                guard let message = try order.earlierMessage(try result.get().first?.rows ?? []) else {
                    return completion(.failure(error))
                }
                repeated.add()
                completion(.success(message))
                if unknown.withLockedValue({ $0.remove(order.key) }) { deliver(message, of: order) }
            } catch {
                completion(.failure(messagingError(error, at: "earlier_message")))
            }
        }
    }

    /// Spends the sender's quotas on a message; returns how long to wait if they are used up, else nil.
    private func spend(on order: MessageInsert) -> Instant.Span? {
        if let wait = quotas.spend(.messages, of: order.sender) { return wait }
        guard let wait = quotas.spend(.messageBytes, order.byteCount, of: order.sender) else { return nil }
        quotas.giveBack(.messages, of: order.sender)
        return wait
    }

    private func giveBack(_ order: MessageInsert) {
        quotas.giveBack(.messages, of: order.sender)
        quotas.giveBack(.messageBytes, order.byteCount, of: order.sender)
    }

    /// Delivers a message that was stored without anybody being told. It may be in another conversation than the one
    /// that the repeat named, so its recipients are looked up.
    private func deliver(_ message: Message, of order: MessageInsert) {
        database.enqueue(WriteUnit([Step(.recipientsOfMessage, [.id(message.id)])])) { [self] result in
            do throws(DatabaseError) {
                deliver(message, to: try order.recipients(try result.get().first?.rows ?? []))
            } catch {
                unknown.withLockedValue { $0.insert(order.key) }
                _ = messagingError(error, at: "recipients_of_message")
            }
        }
    }

    /// The user-facing error for a database error, which is logged.
    func messagingError(_ error: DatabaseError, at statement: String) -> MessagingError {
        switch error.code {
        case .unavailable, .outcomeUnknown:
            logger.warning("no answer from the database", metadata: ["statement": "\(statement)", "error": "\(error)"])
            return .unavailable
        case .constraint, .expectationFailed, .invalid:
            logger.error(
                "unexpected answer of the database", metadata: ["statement": "\(statement)", "error": "\(error)"])
            return .internal
        }
    }
}

extension MessagingService {
    /// The metrics, for Prometheus.
    public var metricFamilies: [MetricFamily] {
        [
            MetricFamily(
                "messages_total", .counter, help: "Messages sent, by whether they were there already.",
                samples: [
                    .init(sent.value, labels: [("outcome", "stored")]),
                    .init(repeated.value, labels: [("outcome", "repeated")]),
                ])
        ]
    }
}
