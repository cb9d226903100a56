import Primitives
import SignalingCore

/// What a device sends.
struct ClientFrame {
    indirect enum Body {
        case hello
        case invite(ModelServer.Target, RequestID)
        case call(CallID, CallCommand)
    }

    let id: Int
    let body: Body
    /// Whether it reaches its call at once, so that it meets a deadline to the microsecond.
    var isPrompt = false
}

/// What the server sends; recipients share the frame.
indirect enum ServerFrame {
    case welcome([Call])
    case reply(to: Int, CallReply)
    case event(CallEvent, Call)
}

/// A socket: an ordered pipe in each direction, each with its own delays. Each side notices by itself that it is gone.
struct Connection {
    let device: Int
    /// Which of the world's servers it leads to.
    let server: Int
    var isOpenAtClient = true
    var isOpenAtServer = true
    /// What is on its way is lost.
    var isUploadCut = false
    var isDownloadCut = false
    var lastUp: Instant
    var lastDown: Instant
    /// How many frames are on their way to the client.
    var onTheWayDown = 0
}

extension World {
    /// How long a frame takes: mostly little, sometimes long enough for others to overtake it.
    private func latency() -> Instant.Span {
        if isPrompt { return .milliseconds(0) }
        let limit = random.isOne(in: 10) ? 3_000_000 : random.isOne(in: 2) ? 2_000 : 120_000
        return .init(microseconds: random.microseconds(upTo: limit))
    }

    func send(_ frame: ClientFrame, by connection: Int) {
        guard connections[connection].isOpenAtClient, !connections[connection].isUploadCut else { return }
        let arrival = max(connections[connection].lastUp, now + latency())
        connections[connection].lastUp = arrival
        queue.put(.frameArrives(connection: connection, frame), at: arrival)
    }

    /// Sends from the server. The server may die between any two frames.
    func send(_ frame: ServerFrame, by connection: Int) {
        let server = servers[connections[connection].server]
        if let left = server.sendsUntilCrash {
            if left == 0 { server.isDying = true }
            server.sendsUntilCrash = left == 0 ? nil : left - 1
        }
        guard !server.isDying, connections[connection].isOpenAtServer, !connections[connection].isDownloadCut else {
            return
        }
        let arrival = max(connections[connection].lastDown, now + latency())
        connections[connection].lastDown = arrival
        connections[connection].onTheWayDown += 1
        queue.put(.answerArrives(connection: connection, frame), at: arrival)
    }

    func frameArrives(_ frame: ClientFrame, by connection: Int) {
        guard connections[connection].isOpenAtServer, !connections[connection].isUploadCut else { return }
        let device = connections[connection].device
        let server = servers[connections[connection].server]
        if case .hello = frame.body {
            guard server.isUp else { return refuse(connection) }
            admit(connection, of: device, to: server)
        } else if server.isUp, server.sessions[device]?.connection == connection {
            note("\(Describe.device(device)) → \(Describe.body(frame.body))  (frame \(frame.id))")
            receive(frame, from: device, by: connection, server)
        }
    }

    func answerArrives(_ frame: ServerFrame, by connection: Int) {
        connections[connection].onTheWayDown -= 1
        guard connections[connection].isOpenAtClient, !connections[connection].isDownloadCut else { return }
        take(frame, by: connection)
        checkClient(connections[connection].device)
    }

    // MARK: Losing it

    /// A device loses its network. The server may notice much later, or only when the device is back.
    func loseSocket(of device: Int) {
        guard let connection = clients[device].connection else { return }
        note("\(Describe.device(device)) loses its socket")
        connections[connection].isDownloadCut = true
        connections[connection].isUploadCut = random.isOne(in: 2)
        let seconds = random.pick([0, 0, 1, 12, 35])
        let notice = now + .init(microseconds: random.microseconds(upTo: 200_000 + seconds * 1_000_000))
        queue.put(.serverNoticesLoss(connection: connection), at: notice)
        let clientNotice = now + .init(microseconds: random.microseconds(upTo: 1_000_000))
        queue.put(.clientNoticesLoss(connection: connection), at: clientNotice)
    }

    /// A device that closes its socket in an orderly way.
    func closeSocket(of device: Int) {
        guard let connection = clients[device].connection else { return }
        connections[connection].isOpenAtClient = false
        let notice = max(connections[connection].lastUp, now + latency())
        queue.put(.serverNoticesLoss(connection: connection), at: notice)
    }

    func refuse(_ connection: Int) {
        connections[connection].isOpenAtServer = false
        queue.put(.clientNoticesLoss(connection: connection), at: now + latency())
    }

    func serverNoticesLoss(_ connection: Int) {
        guard connections[connection].isOpenAtServer else { return }
        connections[connection].isOpenAtServer = false
        let device = connections[connection].device
        let server = servers[connections[connection].server]
        guard server.sessions[device]?.connection == connection else { return }
        note("server \(server.number) notices that \(Describe.device(device)) is gone")
        server.sessions[device] = nil
        give(.deviceLost(World.origin(of: device)), to: server)
    }

    /// All sockets of a server that has died: its last frames may arrive or not.
    func cutAllConnections(of server: ModelServer) {
        for (connection, state) in connections.enumerated() where state.isOpenAtServer && state.server == server.number
        {
            connections[connection].isOpenAtServer = false
            guard state.isOpenAtClient else { continue }
            if random.isOne(in: 2) { connections[connection].isDownloadCut = true }
            let notice = max(state.lastDown, now + .init(microseconds: random.microseconds(upTo: 500_000)))
            queue.put(.clientNoticesLoss(connection: connection), at: notice)
        }
    }
}
