import Delivery
import Primitives

/// Everything that the gateway counts.
final class GatewayMetrics: Sendable {
    /// Sockets that are open now, admitted or not.
    let sockets = Gauge()
    /// Connections that are open now and are not sockets.
    let plainConnections = Gauge()
    /// How often accepting was paused for lack of descriptors.
    let acceptPauses = Counter()
    private let connectionsRefused: [ConnectionRefusal: Counter] =
        Dictionary(uniqueKeysWithValues: ConnectionRefusal.allCases.map { ($0, Counter()) })
    /// Completed upgrades.
    let upgrades = Counter()
    /// Upgrades that were refused.
    let upgradesRefused = Counter()
    /// Commands of admitted clients.
    let commands = Counter()
    /// Commands that were refused by the rate limit.
    let commandsLimited = Counter()
    /// Messages that were not valid frames.
    let malformedFrames = Counter()
    /// Events written to sockets.
    let events = Counter()
    /// Answers written to sockets.
    let replies = Counter()
    /// REST requests and files.
    let requests = Counter()
    private let closed: [CloseCode: Counter] =
        Dictionary(uniqueKeysWithValues: CloseCode.allCases.map { ($0, Counter()) })

    private let begun = Counter()
    private let recovered = Counter()
    private let refused: [ResumeRefusal: Counter] =
        Dictionary(uniqueKeysWithValues: ResumeRefusal.allCases.map { ($0, Counter()) })

    /// A client was admitted.
    func count(_ outcome: Resumption.Outcome) {
        switch outcome {
        case .begun: begun.add()
        case .recovered: recovered.add()
        case .refused(let refusal): refused[refusal]?.add()
        }
    }

    /// An accepted connection was closed without an answer.
    func countRefusal(_ refusal: ConnectionRefusal) { connectionsRefused[refusal]?.add() }

    /// How many connections were refused for a reason.
    func refusals(_ reason: ConnectionRefusal) -> Int { connectionsRefused[reason]?.value ?? 0 }

    /// A socket was closed by the server.
    func countClose(_ code: CloseCode) { closed[code]?.add() }

    /// The metrics in Prometheus format.
    var families: [MetricFamily] {
        [
            MetricFamily("sockets", .gauge, help: "Open sockets.", samples: [.init(sockets.value)]),
            MetricFamily(
                "plain_connections", .gauge, help: "Open connections that are not sockets.",
                samples: [.init(plainConnections.value)]),
            MetricFamily(
                "connections_refused_total", .counter,
                help: "Connections closed as they were accepted: too many of one address or in all, or reset already.",
                samples: ConnectionRefusal.allCases.map {
                    .init(refusals($0), labels: [("reason", $0.rawValue)])
                }),
            MetricFamily(
                "accept_pauses_total", .counter, help: "Times that accepting paused for lack of descriptors.",
                samples: [.init(acceptPauses.value)]),
            MetricFamily(
                "socket_upgrades_total", .counter, help: "Upgrades to a socket.",
                samples: [
                    .init(upgrades.value, labels: [("outcome", "accepted")]),
                    .init(upgradesRefused.value, labels: [("outcome", "refused")]),
                ]),
            MetricFamily(
                "socket_admissions_total", .counter,
                help: "Clients let in: new ones, resumed ones, and those that had to take a snapshot, by the reason.",
                samples: [
                    .init(begun.value, labels: [("outcome", "new")]),
                    .init(recovered.value, labels: [("outcome", "resumed")]),
                ]
                    + ResumeRefusal.allCases.map {
                        .init(
                            refused[$0]?.value ?? 0, labels: [("outcome", "snapshot"), ("reason", $0.rawValue)])
                    }),
            MetricFamily("socket_commands_total", .counter, help: "Commands.", samples: [.init(commands.value)]),
            MetricFamily(
                "socket_commands_limited_total", .counter, help: "Commands refused for their rate.",
                samples: [.init(commandsLimited.value)]),
            MetricFamily(
                "socket_malformed_frames_total", .counter, help: "Messages that were not valid frames.",
                samples: [.init(malformedFrames.value)]),
            MetricFamily(
                "socket_frames_sent_total", .counter, help: "Frames written to sockets.",
                samples: [
                    .init(events.value, labels: [("kind", "event")]), .init(replies.value, labels: [("kind", "reply")]),
                ]),
            MetricFamily(
                "socket_closes_total", .counter, help: "Sockets closed by the server, by close code.",
                samples: CloseCode.allCases.map {
                    .init(closed[$0]?.value ?? 0, labels: [("code", String($0.rawValue))])
                }),
            MetricFamily("http_requests_total", .counter, help: "HTTP requests.", samples: [.init(requests.value)]),
        ]
    }
}
