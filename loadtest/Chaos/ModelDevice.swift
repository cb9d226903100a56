import Primitives
import Wire

/// One device of a person, as a client keeps it: its state of each call, and the commands that are not answered.
struct ModelDevice: Sendable {
    /// A command that waits for its answer, and is sent again after each reconnect until it has one.
    struct Pending: Sendable {
        var action: StormAction
        /// The call concerned; empty for invites and messages.
        var call: String
        var frame: WireClientFrame
        /// When to send it again, after an error that allows it.
        var retryAt: Instant?
        var attempts = 1
    }

    let user: String
    let id: String
    /// The index of the person that it belongs to.
    let person: Int
    private(set) var isConnected = false
    /// While it is away it does not connect.
    var awayUntil: Instant?
    /// The device's state of calls that are open.
    private(set) var open: [String: CallPicture] = [:]
    /// Its state of calls that are over.
    private(set) var ended: [String: CallPicture] = [:]
    private(set) var pending: [UInt32: Pending] = [:]
    /// The latest revision in an event of this connection, by call.
    private var eventRevisions: [String: Int64] = [:]
    /// Calls that the last snapshot did not have: their state is void, and blocks nothing.
    private var doubtful: Set<String> = []
    /// The latest revisions of changes that the device could not apply, because it did not know their base.
    private var missed: [String: Int64] = [:]
    private var lastNumber: UInt32 = 1

    init(user: String, id: String, person: Int) {
        self.user = user
        self.id = id
        self.person = person
    }

    /// Whether the device knows of an open call that its user is in or rung for, or has requested one.
    var isBusy: Bool {
        pending.values.contains { $0.action == .invite }
            || open.values.contains { call in
                call.member(user).map { $0.status == "connected" || $0.status == "ringing" } ?? false
            }
    }

    /// Whether this device is in an open call.
    func isIn(_ call: String) -> Bool {
        guard let own = open[call]?.member(user) else { return false }
        return own.status == "connected" && own.device == id
    }

    // MARK: Commands

    /// Adds a command; returns what to send when the device is connected.
    mutating func ask(_ action: StormAction, call: String, _ frame: WireClientFrame) -> WireClientFrame {
        lastNumber += 1
        var frame = frame
        frame.id = lastNumber
        pending[lastNumber] = Pending(action: action, call: call, frame: frame)
        return frame
    }

    /// The command has its final answer.
    mutating func settle(_ number: UInt32) -> Pending? { pending.removeValue(forKey: number) }

    /// The command is to be sent again at this time.
    mutating func postpone(_ number: UInt32, until moment: Instant) { pending[number]?.retryAt = moment }

    /// The commands whose time has come, in order.
    mutating func takeRetries(now: Instant) -> [WireClientFrame] {
        guard isConnected, !pending.isEmpty else { return [] }
        let due = pending.filter { $0.value.retryAt.map { $0 <= now } ?? false }.keys.sorted()
        return due.compactMap { number in
            pending[number]?.retryAt = nil
            pending[number]?.attempts += 1
            return pending[number]?.frame
        }
    }

    // MARK: Connection

    /// The device was welcomed: the snapshot replaces everything that it knew of open calls.
    /// - Returns: What to send again, and the calls that are missing in the snapshot and have to be fetched.
    mutating func connect(_ snapshot: [CallPicture]) -> (repeats: [WireClientFrame], vanished: [String]) {
        isConnected = true
        eventRevisions = [:]
        let known = open
        open = [:]
        for picture in snapshot { open[picture.id] = picture }
        let vanished = known.keys.filter { open[$0] == nil }.sorted()
        // Until the answer comes, the old state is better than none.
        for call in vanished { open[call] = known[call] }
        doubtful = Set(vanished)
        missed = [:]
        var repeats: [WireClientFrame] = []
        for number in pending.keys.sorted() {
            pending[number]?.retryAt = nil
            pending[number]?.attempts += 1
            if let frame = pending[number]?.frame { repeats.append(frame) }
        }
        return (repeats, vanished)
    }

    mutating func disconnect() { isConnected = false }

    // MARK: Calls

    /// What is wrong with a call that was sent to the device.
    typealias Fault = (kind: Violation.Kind, text: String)

    /// Keeps a call from an answer or an event.
    mutating func see(_ picture: CallPicture, isEvent: Bool) -> Fault? {
        var fault = isEvent ? noteEvent(of: picture.id, picture.revision) : nil
        let isDoubtful = doubtful.remove(picture.id) != nil
        if !isDoubtful, let known = open[picture.id] ?? ended[picture.id] {
            // What is older than what the device has is dropped.
            guard picture.revision >= known.revision else { return fault }
            if picture.revision == known.revision, !picture.shows(sameAs: known) {
                fault = (.revisionHasTwoFaces, "\(picture) and \(known)")
            }
        }
        if picture.isEnded {
            open[picture.id] = nil
            ended[picture.id] = picture
        } else if ended[picture.id] != nil {
            fault = (.revisionWentBack, "a call that was over is \(picture)")
        } else {
            open[picture.id] = picture
        }
        return fault
    }

    /// The result of a change.
    enum OnChange {
        /// The call with the change applied.
        case news(CallPicture)
        /// The device already knows it.
        case known(Fault?)
        /// The device does not know the call's state before it, and has to fetch it.
        case missed(Fault?)
    }

    /// Checks a change of a call. If it is new, it has yet to be applied.
    mutating func look(at change: WireCallChanged) -> OnChange {
        let revision = Int64(clamping: change.revision)
        let known = open[change.callID] ?? ended[change.callID]
        guard let known, !doubtful.contains(change.callID), known.revision >= Int64(clamping: change.baseRevision)
        else {
            missed[change.callID] = max(missed[change.callID] ?? 0, revision)
            // Calls that the last snapshot did not have were already fetched.
            guard !doubtful.contains(change.callID) else { return .missed(nil) }
            return .missed(
                (
                    .changeDoesNotFit,
                    "told what has changed from \(change.baseRevision) to \(revision), knowing \(known?.revision ?? 0)"
                ))
        }
        guard known.revision < revision else { return .known(noteEvent(of: change.callID, revision)) }
        return .news(known.changed(by: change))
    }

    /// Whether the device was told of changes of a call that it could not apply, and still has no such late state.
    func isBehind(_ call: String) -> Bool {
        guard let latest = missed[call] else { return false }
        return (open[call] ?? ended[call]).map { $0.revision < latest } ?? true
    }

    private mutating func noteEvent(of call: String, _ revision: Int64) -> Fault? {
        defer { eventRevisions[call] = revision }
        guard let latest = eventRevisions[call], revision < latest else { return nil }
        return (.revisionWentBack, "an event of revision \(revision) came after one of \(latest)")
    }

    /// Replaces a call with the one fetched after a reconnect: its earlier state is void.
    mutating func replace(_ picture: CallPicture) -> Fault? {
        open[picture.id] = nil
        doubtful.remove(picture.id)
        return see(picture, isEvent: false)
    }
}
