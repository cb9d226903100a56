import Primitives
import Testing

@testable import SignalingCore

@Suite("When changes that only show are sent")
struct UpdatePaceTests {
    private static let interval = UpdatePace.interval

    /// A group call with a pace: the caller, the callee and the third are in it, the fourth is rung. Everybody has been
    /// told once.
    private struct Paced {
        var scene = Scene.groupOngoing()
        var pace = UpdatePace()

        init() {
            for isLocked in [true, false] { tell(scene.control(.lock(isLocked), from: Scene.callerPhone)) }
        }

        @discardableResult
        mutating func tell(_ transition: CallTransition) -> [Told] {
            Self.told(pace.tell(transition, at: scene.now))
        }

        mutating func mute(_ isMuted: Bool, _ origin: CallOrigin) -> [Told] {
            tell(scene.send(.setMedia(MediaState(microphone: !isMuted)), from: origin))
        }

        mutating func release() -> [Told] { Self.told(pace.release(of: scene.call, at: scene.now)) }

        private static func told(_ deliveries: [CallDelivery]) -> [Told] {
            deliveries.map { delivery in
                guard case .changed(let difference) = delivery.event else { return Told(delivery.address, nil) }
                return Told(delivery.address, difference)
            }
        }
    }

    /// A recipient of a change that only shows.
    private struct Told: Equatable {
        let address: Address
        /// Indices of those whose part has changed; nil when something else was sent.
        let shown: [Int]?
        let base: Int64?

        init(_ address: Address, _ difference: CallDifference?) {
            self.address = address
            shown = difference?.shown
            base = difference?.base
        }
    }

    private static let all: [Address] = [
        .user(Scene.caller), .user(Scene.callee), .user(Scene.third), .user(Scene.fourth),
    ]
    private static let allButCallersPhone: [Address] =
        [.others(Scene.caller, than: Scene.callerPhone.device)] + all.dropFirst()
    /// Indices in the call.
    private static let (caller, callee, third) = (0, 1, 2)

    @Test("The first after a quiet time goes at once, the next ones wait for the interval and go as one")
    func interval() {
        var paced = Paced()
        #expect(paced.mute(true, Scene.callerPhone).map(\.address) == Self.allButCallersPhone)
        #expect(paced.pace.due == nil)
        let first = paced.scene.now
        for isMuted in [false, true, false, true] {
            paced.scene.wait(.milliseconds(10))
            #expect(paced.mute(isMuted, Scene.callerPhone).isEmpty)
            #expect(paced.pace.due == first + Self.interval)
        }
        paced.scene.now = first + Self.interval
        // The device that asked for all of them got an answer each time.
        #expect(paced.release().map(\.address) == Self.allButCallersPhone)
        #expect(paced.pace.due == nil)
        #expect(paced.mute(false, Scene.callerPhone).isEmpty)
        paced.scene.wait(Self.interval)
        #expect(paced.release().map(\.address) == Self.allButCallersPhone)
        paced.scene.wait(Self.interval)
        #expect(paced.mute(true, Scene.callerPhone).map(\.address) == Self.allButCallersPhone)
    }

    @Test("A user who changed something while others did is told of their changes")
    func several() {
        var paced = Paced()
        _ = paced.mute(true, Scene.calleePhone)
        let known = paced.scene.call.revision
        #expect(paced.mute(true, Scene.callerPhone).isEmpty)
        #expect(paced.mute(true, Scene.thirdPhone).isEmpty)
        let released = paced.release()
        #expect(released.map(\.address) == Self.all)
        // Everything since they were last told, though each of the two knows a part of it.
        #expect(released.allSatisfy { $0.shown == [Self.caller, Self.third] && $0.base == known })
    }

    @Test("A late timer delays nothing, and nobody is told twice")
    func lateTimer() {
        var paced = Paced()
        _ = paced.mute(true, Scene.calleePhone)
        #expect(paced.mute(true, Scene.callerPhone).isEmpty)
        paced.scene.wait(Self.interval)
        let told = paced.mute(true, Scene.thirdPhone)
        // The third's phone has its answer.
        let thirds = Address.others(Scene.third, than: Scene.thirdPhone.device)
        #expect(told.map(\.address) == [.user(Scene.caller), .user(Scene.callee), thirds, .user(Scene.fourth)])
        #expect(told.allSatisfy { $0.shown == [Self.caller, Self.third] })
        #expect(paced.release().isEmpty)
    }

    @Test("Every other change goes at once, with what was held back")
    func urgent() {
        var paced = Paced()
        _ = paced.mute(true, Scene.calleePhone)
        let known = paced.scene.call.revision
        #expect(paced.mute(true, Scene.thirdPhone).isEmpty)
        let told = paced.tell(paced.scene.control(.lock(true), from: Scene.callerPhone))
        // The phone that locked got the call with its answer, including the mute of the third.
        #expect(told.map(\.address) == Self.allButCallersPhone)
        #expect(told.allSatisfy { $0.shown == [Self.third] && $0.base == known })
        #expect(paced.pace.due == nil && paced.release().isEmpty)
        #expect(paced.tell(paced.scene.control(.lock(false), from: Scene.callerPhone)).allSatisfy { $0.shown == [] })
    }

    @Test("Users whom an owner has not told of the call yet get it whole: nobody knows what they know")
    func unknown() {
        var scene = Scene.groupOngoing()
        var pace = UpdatePace()
        let first = scene.send(.setMedia(MediaState()), from: Scene.calleePhone)
        #expect(pace.tell(first, at: scene.now).map(\.event) == Array(repeating: .updated, count: 4))
        let signal = scene.send(.signal(.offer(), to: Scene.callee), from: Scene.callerPhone)
        #expect(pace.tell(signal, at: scene.now) == signal.deliveries)
        let lock = scene.control(.lock(true), from: Scene.callerPhone)
        #expect(pace.tell(lock, at: scene.now) == lock.deliveries)
        // A signal does not carry the call.
        var another = UpdatePace()
        #expect(another.tell(signal, at: scene.now) == signal.deliveries)
        #expect(another.tell(lock, at: scene.now).allSatisfy { $0.event == .updated })
    }

    @Test("A signal goes at once and carries nothing else")
    func signal() {
        var paced = Paced()
        _ = paced.mute(true, Scene.callerPhone)
        #expect(paced.mute(false, Scene.callerPhone).isEmpty)
        let signal = paced.scene.send(.signal(.offer(), to: Scene.callee), from: Scene.callerPhone)
        #expect(paced.pace.tell(signal, at: paced.scene.now) == signal.deliveries)
        #expect(signal.signals.count == 1)
        #expect(paced.release().map(\.address) == Self.allButCallersPhone)
    }

    @Test("A user who has left in the meantime is told nothing more")
    func left() {
        var paced = Paced()
        _ = paced.mute(true, Scene.calleePhone)
        #expect(paced.mute(true, Scene.callerPhone).isEmpty)
        let leaving = paced.scene.hangUp(Scene.thirdPhone)
        #expect(paced.tell(leaving).map(\.address) == leaving.deliveries.map(\.address))
        #expect(paced.release().isEmpty)
    }

    @Test("A clock that was set back delays nothing")
    func clock() {
        var paced = Paced()
        _ = paced.mute(true, Scene.callerPhone)
        let transition = paced.scene.send(.setMedia(MediaState(microphone: true)), from: Scene.callerPhone)
        #expect(!paced.pace.tell(transition, at: paced.scene.now - .seconds(3600)).isEmpty)
    }

    @Test("Changes that only show: nothing to store, and nothing to send but the change")
    func shows() {
        var scene = Scene.groupOngoing()
        let table: [(CallInput, Bool)] = [
            (.command(.hold(true), from: Scene.callerPhone), true),
            (.command(.raiseHand(true, of: Scene.callee), from: Scene.calleePhone), true),
            (.command(.ringing(wokenByPush: false), from: Scene.fourthPhone), true),
            (.deviceLost(Scene.third, Scene.thirdPhone.device), true),
            (.deviceReturned(Scene.third, Scene.thirdPhone.device), true),
            // Rings a second device, and nobody else.
            (.deviceReturned(Scene.fourth, Scene.fourthPhone.device), false),
            (.command(.fetch, from: Scene.callerPhone), false),
            (.command(.ringing(wokenByPush: true), from: Scene.fourthPhone), false),
            (.command(.startScreenShare(scene.request()), from: Scene.calleePhone), false),
            (.command(.control(scene.request(), .stopMedia(.camera, of: Scene.third)), from: Scene.callerPhone), false),
            (.command(.control(scene.request(), .lock(true)), from: Scene.callerPhone), false),
            (.command(.join(scene.request(), MediaState(), isMember: true), from: Scene.strangersPhone), true),
            (
                .command(.control(scene.request(), .admit(Scene.stranger, isAdmitted: true)), from: Scene.callerPhone),
                false
            ),
            (.command(.accept(scene.request(), MediaState()), from: Scene.fourthPhone), false),
            (.command(.hangUp(scene.request(), mediaFailed: false), from: Scene.callerPhone), false),
        ]
        for (input, onlyShows) in table { #expect(scene.handle(input).onlyShows == onlyShows, "\(input)") }
    }

    /// What devices know, in a call to which anything may happen.
    private struct Devices {
        static let all = [
            Scene.callerPhone, Scene.callerLaptop, Scene.calleePhone, Scene.calleeLaptop, Scene.thirdPhone,
            Scene.thirdLaptop, Scene.fourthPhone, Scene.strangersPhone,
        ]
        var known: [CallOrigin: Seen] = [:]

        mutating func tell(_ deliveries: [CallDelivery], of call: Call) {
            let whole = Seen(of: call)
            for broadcast in CallBroadcast.gathered(from: deliveries) where broadcast.event.carriesCall {
                for device in Self.all where broadcast.addresses.contains(where: { $0.reaches(device) }) {
                    let known = known[device]
                    #expect(known?.revision ?? 0 <= call.revision, "a picture older than what is known")
                    guard case .changed(let difference) = broadcast.event else {
                        self.known[device] = whole
                        continue
                    }
                    #expect(known?.revision ?? 0 >= difference.base, "a change of what is not known")
                    self.known[device]?.take(difference, of: call)
                }
            }
        }

        /// The devices of people in the call that do not see its present state.
        func ignorant(of call: Call) -> [CallOrigin] {
            let whole = Seen(of: call)
            return Self.all.filter { device in
                guard let participant = call.participant(device.user), participant.maySeeCall,
                    participant.isRinging || participant.isConnected
                else { return false }
                return known[device] != whole
            }
        }
    }

    @Test("Everybody sees every change, at once or after the interval, in order, and each applies")
    func anything() {
        var (shown, heldBack) = (0, 0)
        for seed in 1...150 as ClosedRange<UInt64> {
            var walk = RandomWalk(seed: seed)
            var random = SplitMix64(state: seed)
            var pace = UpdatePace()
            var devices = Devices()
            var now = Scene.start
            var latest: Call?
            var lastShown: Instant?
            func noteShown(at moment: Instant) {
                shown += 1
                if let lastShown { #expect(moment - lastShown >= Self.interval) }
                lastShown = moment
            }
            walk.run { before, transition in
                if let before, before.revision != latest?.revision {
                    // The server was restarted: some are welcomed by it, others know the call from before.
                    (pace, lastShown) = (UpdatePace(), nil)
                    for device in Devices.all where Bool.random(using: &random) {
                        devices.known[device] = Seen(of: before)
                    }
                }
                now = now + .milliseconds(Int64.random(in: 0...120, using: &random))
                if let before, let due = pace.due, due <= now {
                    let deliveries = pace.release(of: before, at: due)
                    if !deliveries.isEmpty { noteShown(at: due) }
                    devices.tell(deliveries, of: before)
                    #expect(devices.ignorant(of: before).isEmpty, "seed \(seed)")
                }
                let call = transition.call
                let hasChanged = transition.difference != nil
                // A device that asked has the call from the answer, or from an event when it wanted no answer.
                for case .others(let user, than: let device) in transition.deliveries.map(\.address)
                where transition.deliveries.allSatisfy({ $0.address != .device(user, device) }) {
                    devices.known[CallOrigin(user: user, device: device)] = Seen(of: call)
                }
                let deliveries = pace.tell(transition, at: now)
                devices.tell(deliveries, of: call)
                if transition.onlyShows {
                    if deliveries.isEmpty { heldBack += 1 } else { noteShown(at: now) }
                }
                if hasChanged, pace.due == nil { #expect(devices.ignorant(of: call).isEmpty, "seed \(seed)") }
                latest = call
            }
        }
        // The random walks do exercise this.
        #expect(shown > 0 && heldBack > 0)
    }
}

extension Address {
    fileprivate func reaches(_ device: CallOrigin) -> Bool {
        switch self {
        case .user(let user): user == device.user
        case .others(let user, than: let left): user == device.user && left != device.device
        case .device(let user, let one): user == device.user && one == device.device
        }
    }
}
