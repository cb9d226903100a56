import Accounts
import Delivery
import Primitives
import SignalingCore
import SignalingService
import Wire

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// A group call with all its people connected, each with one device of one encoding, and the cost of mutes in it.
struct Room {
    private let recipients: Int
    private let encoding: Encoding
    private let registry = SessionRegistry()
    private let inbox = Inbox()
    private let people: [UserID: Profile]
    private let muter: CallOrigin
    private var call: Call
    private var pace = UpdatePace()
    private var now = Instant(microseconds: 1_700_000_000_000_000)
    private var isMuted = false
    private var muteCosts: [Double] = []
    private var floorCosts: [Double] = []
    private var frameBytes = 0
    private var bytesInAll = 0

    init(recipients: Int, encoding: Encoding) throws {
        self.recipients = recipients
        self.encoding = encoding
        let profiles = (0...UInt64(recipients)).map { number in
            Profile(
                id: UserID(high: 0x019C_0000_0000_7000, low: 0x8000_0000_0000_0000 + number),
                username: "person\(number)", displayName: "Person \(number)")
        }
        let origins = profiles.map { profile in
            CallOrigin(user: profile.id, device: DeviceID(high: 0x6F1C_9B4E_1F6A_4F0E, low: profile.id.low))
        }
        people = Dictionary(uniqueKeysWithValues: profiles.map { ($0.id, $0) })
        muter = origins[0]
        for (profile, origin) in zip(profiles, origins) {
            let identity = Identity(
                profile: profile, session: SessionID(high: 2, low: origin.user.low), device: origin.device)
            let socket = RecordingSocket(encoding: encoding, inbox: inbox)
            guard case .admitted = registry.admit(socket, of: identity, limit: 1, openCalls: { _, _ in }) else {
                throw Failure.notAdmitted
            }
        }
        var rules = CallRules()
        rules.participantLimit = recipients + 1
        let placed = Call.place(
            Invitation(
                call: CallID(high: 0x019C_0000_0000_7000, low: 1), conversation: ConversationID(high: 1, low: 1),
                mode: .group, caller: muter, callees: origins.dropFirst().map { Callee($0.user) }, type: .video,
                media: MediaState(microphone: true, camera: true), clientCallID: RequestID(high: 1, low: 1)),
            rules: rules, at: now)
        call = placed.call
        _ = pace.tell(placed, at: now)
        for origin in origins.dropFirst() {
            let request = RequestID(high: 2, low: origin.user.low)
            carryOut(.accept(request, MediaState(microphone: true, camera: true)), from: origin)
        }
    }

    /// Mutes or unmutes one person and tells everybody else: the server's work between the command and the sockets.
    /// Nothing is stored, since a mute never is; the reply to the device that mutes is not included.
    mutating func mute(isSample: Bool) throws {
        // A quiet interval first, so that the change is sent at once.
        now = now + .seconds(1)
        isMuted.toggle()
        inbox.empty()
        let began = Self.threadTime()
        carryOut(.setMedia(MediaState(microphone: !isMuted, camera: true)), from: muter)
        let took = Self.threadTime() - began
        guard inbox.count == recipients, let event = inbox.latest else { throw Failure.notTold(inbox.count) }
        let floor = try floorOfTelling(event)
        guard isSample else { return }
        muteCosts.append(took)
        floorCosts.append(floor)
        frameBytes = event.stamped(seq: 1).count
        bytesInAll = inbox.bytes
    }

    private mutating func carryOut(_ command: CallCommand, from origin: CallOrigin) {
        let transition = call.handle(.command(command, from: origin), at: now).transition
        call = transition.call
        let view = CallView(call: call, people: people)
        for broadcast in CallBroadcast.gathered(from: pace.tell(transition, at: now)) {
            registry.deliver(broadcast.event, of: view, to: broadcast.addresses)
        }
    }

    /// The minimum cost of sending these frames: encoding the message once and copying its bytes for each recipient.
    private func floorOfTelling(_ event: EncodedEvent) throws -> Double {
        let frame = try encoding.decode(WireServerFrame.self, from: event.stamped(seq: 1))
        var copies = [UInt8](repeating: 0, count: event.tail.count * recipients)
        let began = Self.threadTime()
        let encoded = try EncodedEvent(frame.event, as: encoding)
        for number in 0..<recipients {
            let start = number * encoded.tail.count
            copies.replaceSubrange(start..<start + encoded.tail.count, with: encoded.tail)
        }
        return Self.threadTime() - began
    }

    /// The processor time that this thread has had, in microseconds.
    private static func threadTime() -> Double {
        var time = timespec()
        unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) * 1_000_000 + Double(time.tv_nsec) / 1_000
    }

    /// The figures, as a row of a table.
    var row: String {
        let name = encoding == .json ? "JSON" : "protobuf"
        return "| \(recipients) | \(name) | \(Self.median(muteCosts)) | \(Self.median(floorCosts)) "
            + "| \(frameBytes) | \(bytesInAll) |"
    }

    private static func median(_ samples: [Double]) -> String {
        let median = samples.sorted()[samples.count / 2]
        return median < 100 ? String((median * 10).rounded() / 10) : String(Int(median.rounded()))
    }

    private enum Failure: Error {
        case notAdmitted
        /// Only this many devices were told.
        case notTold(Int)
    }
}
