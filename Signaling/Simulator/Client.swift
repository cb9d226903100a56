import Primitives
import SignalingCore

/// A device as the protocol intends: it keeps calls by their revision and applies changes to them, returns after a
/// loss, and repeats commands that were not answered.
struct Client {
    struct Pending {
        let frame: ClientFrame
        let until: Instant
    }

    let user: UserID
    let device: DeviceID
    var isSwitchedOn = true
    /// The socket that it has or is opening.
    var connection: Int?
    /// Whether hello was answered on that socket.
    var isWelcome = false
    /// The newest state of every call that it knows of.
    var calls: [Call] = []
    /// The same calls, assembled from whole calls and changes.
    var pictures: [CallID: Picture] = [:]
    /// The calls that it rings for.
    var ringing: [CallID] = []
    /// Commands that are not answered yet, by the number of their frame.
    var pending: [Int: Pending] = [:]
    var latest: ClientFrame?
    var frames = 0
    var peerConnections = 0
    var generation: UInt32 = 0

    /// How long a command may stay unanswered.
    static let patience = Instant.Span.seconds(15)

    init(index: Int) {
        let origin = World.origin(of: index)
        user = origin.user
        device = origin.device
    }

    /// Forgets everything except its identity.
    mutating func forget() {
        calls = []
        pictures = [:]
        ringing = []
        pending = [:]
        latest = nil
    }

    /// Forgets a call that is gone.
    mutating func forget(_ id: CallID) {
        calls.removeAll { $0.id == id }
        pictures[id] = nil
        ringing.removeAll { $0 == id }
    }

    /// Keeps a call, unless it knows a newer state.
    mutating func take(_ call: Call) {
        // A user who is only asking to be admitted has nothing else to show.
        guard let own = call.participant(user), !own.isHidden else {
            pictures[call.id] = nil
            return calls.removeAll { $0.id == call.id }
        }
        if pictures[call.id].map({ $0.revision < call.revision }) ?? true { pictures[call.id] = Picture(of: call) }
        keep(call)
    }

    /// Applies a change to a call; false when the device does not know the call's state before it.
    mutating func take(_ difference: CallDifference, of call: Call) -> Bool {
        guard let known = pictures[call.id]?.revision, known >= difference.base else { return false }
        if known < call.revision { pictures[call.id]?.take(difference, of: call) }
        keep(call)
        return true
    }

    private mutating func keep(_ call: Call) {
        guard let index = calls.firstIndex(where: { $0.id == call.id }) else { return calls.append(call) }
        if call.revision > calls[index].revision { calls[index] = call }
    }

    /// Replaces all open calls by those of the server. Calls that it knew as open and that are missing are over.
    mutating func replaceOpenCalls(by open: [Call]) {
        calls.removeAll { known in !known.isEnded || open.contains { $0.id == known.id } }
        calls += open
        pictures = pictures.filter { id, _ in calls.contains { $0.id == id } }
        for call in open { pictures[call.id] = Picture(of: call) }
        ringing = open.filter { $0.participant(user)?.isRinging ?? false }.map(\.id)
    }
}

extension World {
    // MARK: Coming and going

    func connect(_ device: Int, after attempt: Int) {
        let delay = attempt == 0 ? 20_000 : min(10_000_000, 250_000 << attempt)
        let at = now + .init(microseconds: random.microseconds(upTo: delay))
        queue.put(.connects(device: device, attempt: attempt), at: at)
    }

    func connects(_ device: Int, _ attempt: Int) {
        guard clients[device].isSwitchedOn, clients[device].connection == nil else { return }
        connections.append(Connection(device: device, server: front, lastUp: now, lastDown: now))
        clients[device].connection = connections.count - 1
        clients[device].isWelcome = false
        send(ClientFrame(id: 0, body: .hello), by: connections.count - 1)
    }

    func clientNoticesLoss(_ connection: Int) {
        guard connections[connection].isOpenAtClient else { return }
        connections[connection].isOpenAtClient = false
        let device = connections[connection].device
        guard clients[device].connection == connection else { return }
        let attempt = clients[device].isWelcome ? 0 : 3
        clients[device].connection = nil
        clients[device].isWelcome = false
        connect(device, after: attempt)
    }

    func switchOff(_ device: Int) {
        guard clients[device].isSwitchedOn else { return }
        note("\(Describe.device(device)) is switched off")
        closeSocket(of: device)
        clients[device].isSwitchedOn = false
        clients[device].connection = nil
        clients[device].isWelcome = false
        clients[device].forget()
    }

    func switchOn(_ device: Int) {
        guard !clients[device].isSwitchedOn else { return }
        note("\(Describe.device(device)) is switched on")
        clients[device].isSwitchedOn = true
        loggedOut.remove(device)
        connect(device, after: 0)
    }

    // MARK: Asking

    func ask(_ body: ClientFrame.Body, from device: Int) {
        guard clients[device].isSwitchedOn else { return }
        clients[device].frames += 1
        let frame = ClientFrame(id: clients[device].frames, body: body, isPrompt: isPrompt)
        clients[device].latest = frame
        clients[device].pending[frame.id] = .init(frame: frame, until: now + Client.patience)
        queue.put(.clientGivesUp(device: device, frame: frame.id), at: now + Client.patience)
        if clients[device].isWelcome, let connection = clients[device].connection { send(frame, by: connection) }
    }

    /// Sends a command twice on one socket, or again after its answer.
    func repeatLatest(of device: Int) {
        guard clients[device].isWelcome, let connection = clients[device].connection,
            let latest = clients[device].latest
        else { return }
        note("\(Describe.device(device)) repeats frame \(latest.id)")
        send(latest, by: connection)
    }

    func repeatPending(_ frame: Int, of device: Int) {
        guard clients[device].isWelcome, let connection = clients[device].connection,
            let pending = clients[device].pending[frame]
        else { return }
        send(pending.frame, by: connection)
    }

    func giveUp(_ frame: Int, of device: Int) {
        clients[device].pending[frame] = nil
    }

    // MARK: Hearing

    func take(_ frame: ServerFrame, by connection: Int) {
        let device = connections[connection].device
        guard clients[device].connection == connection else { return }
        switch frame {
        case .welcome(let calls):
            note("\(Describe.device(device)) ← welcome \(calls.map(Describe.call))")
            clients[device].isWelcome = true
            clients[device].replaceOpenCalls(by: calls)
            let pending = clients[device].pending.values.map(\.frame).sorted { $0.id < $1.id }
            for frame in pending { send(frame, by: connection) }
        case .reply(let id, let reply):
            note("\(Describe.device(device)) ← \(Describe.reply(reply))  (frame \(id))")
            take(reply, to: id, device)
        case .event(let event, let call):
            note("\(Describe.device(device)) ← \(Describe.event(event)) \(Describe.call(call))")
            switch event {
            case .changed(let difference):
                if !clients[device].take(difference, of: call) {
                    let told = "is told what of \(Describe.call(call)) has changed since r\(difference.base)"
                    fail(.changesFit, "\(Describe.device(device)) \(told)")
                }
            case .gone: return clients[device].forget(call.id)
            default: clients[device].take(call)
            }
            checkPicture(device, call.id)
            switch event {
            case .incoming: if !clients[device].ringing.contains(call.id) { clients[device].ringing.append(call.id) }
            case .gone: break
            case .ringStopped, .updated, .changed, .moved, .signal, .offerUnanswered, .mediaStopped, .joinDenied:
                if !call.rings(device) { clients[device].ringing.removeAll { $0 == call.id } }
            }
        }
    }

    private func take(_ reply: CallReply, to id: Int, _ device: Int) {
        if case .unavailable = reply {
            let pause = Instant.Span.milliseconds(Int64(250 + random.below(250)))
            guard let pending = clients[device].pending[id], now + pause < pending.until else {
                return giveUp(id, of: device)
            }
            queue.put(.clientRepeats(device: device, frame: id), at: now + pause)
            return
        }
        giveUp(id, of: device)
        guard let call = reply.call else { return }
        clients[device].take(call)
        if !call.rings(device) { clients[device].ringing.removeAll { $0 == call.id } }
    }
}
