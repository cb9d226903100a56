import Primitives
import Testing

@testable import SignalingCore

@Suite("When changes that only show are told")
struct UpdatePaceTests {
    private static let interval = UpdatePace.interval

    /// A group call with a pace: the caller, the callee and the third are in it, the fourth is rung.
    private struct Paced {
        var scene = Scene.groupOngoing()
        var pace = UpdatePace()

        mutating func mute(_ isMuted: Bool, _ origin: CallOrigin) -> [CallDelivery] {
            let transition = scene.send(.setMedia(MediaState(microphone: !isMuted)), from: origin)
            return pace.tell(transition, at: scene.now)
        }

        mutating func release() -> [CallDelivery] { pace.release(of: scene.call, at: scene.now) }
    }

    private static func updates(_ addresses: Address...) -> [CallDelivery] {
        addresses.map { CallDelivery(to: $0, .updated) }
    }

    private static let toAll = updates(
        .user(Scene.caller), .user(Scene.callee), .user(Scene.third), .user(Scene.fourth))
    private static let toAllButCallersPhone = updates(
        .others(Scene.caller, than: Scene.callerPhone.device), .user(Scene.callee), .user(Scene.third),
        .user(Scene.fourth))

    @Test("The first after a quiet time goes at once, the next wait for the interval and go as one")
    func interval() {
        var paced = Paced()
        #expect(paced.mute(true, Scene.callerPhone) == Self.toAllButCallersPhone)
        #expect(paced.pace.due == nil)
        let first = paced.scene.now
        for isMuted in [false, true, false, true] {
            paced.scene.wait(.milliseconds(10))
            #expect(paced.mute(isMuted, Scene.callerPhone).isEmpty)
            #expect(paced.pace.due == first + Self.interval)
        }
        paced.scene.now = first + Self.interval
        // Whoever asked for all of them has been answered each time.
        #expect(paced.release() == Self.toAllButCallersPhone)
        #expect(paced.pace.due == nil)
        #expect(paced.mute(false, Scene.callerPhone).isEmpty)
        paced.scene.wait(Self.interval)
        #expect(paced.release() == Self.toAllButCallersPhone)
        paced.scene.wait(Self.interval)
        #expect(paced.mute(true, Scene.callerPhone) == Self.toAllButCallersPhone)
    }

    @Test("Whoever changed something while others did hears of theirs")
    func several() {
        var paced = Paced()
        _ = paced.mute(true, Scene.calleePhone)
        #expect(paced.mute(true, Scene.callerPhone).isEmpty)
        #expect(paced.mute(true, Scene.thirdPhone).isEmpty)
        #expect(paced.release() == Self.toAll)
    }

    @Test("A timer that is late holds nothing up, and nobody is told twice")
    func lateTimer() {
        var paced = Paced()
        _ = paced.mute(true, Scene.calleePhone)
        #expect(paced.mute(true, Scene.callerPhone).isEmpty)
        paced.scene.wait(Self.interval)
        #expect(paced.mute(true, Scene.thirdPhone) == Self.toAll)
        #expect(paced.release().isEmpty)
    }

    @Test("Every other change goes at once, and takes what was held back with it")
    func urgent() {
        var paced = Paced()
        _ = paced.mute(true, Scene.calleePhone)
        #expect(paced.mute(true, Scene.thirdPhone).isEmpty)
        let lock = paced.scene.control(.lock(true), from: Scene.callerPhone)
        #expect(paced.pace.tell(lock, at: paced.scene.now) == lock.deliveries)
        #expect(lock.deliveries == Self.toAllButCallersPhone)
        // The phone that locked may have wanted no answer, and the third was muted before.
        #expect(paced.release() == Self.updates(.device(Scene.caller, Scene.callerPhone.device)))
        #expect(paced.release().isEmpty)
    }

    @Test("A signal goes at once and takes nothing with it")
    func signal() {
        var paced = Paced()
        _ = paced.mute(true, Scene.callerPhone)
        #expect(paced.mute(false, Scene.callerPhone).isEmpty)
        let signal = paced.scene.send(.signal(.offer(), to: Scene.callee), from: Scene.callerPhone)
        #expect(paced.pace.tell(signal, at: paced.scene.now) == signal.deliveries)
        #expect(signal.signals.count == 1)
        #expect(paced.release() == Self.toAllButCallersPhone)
    }

    @Test("Whoever has left meanwhile is told no more than that")
    func left() {
        var paced = Paced()
        _ = paced.mute(true, Scene.calleePhone)
        #expect(paced.mute(true, Scene.callerPhone).isEmpty)
        let leaving = paced.scene.hangUp(Scene.thirdPhone)
        #expect(paced.pace.tell(leaving, at: paced.scene.now) == leaving.deliveries)
        #expect(paced.release().isEmpty)
    }

    @Test("A clock that was set back holds nothing up")
    func clock() {
        var paced = Paced()
        _ = paced.mute(true, Scene.callerPhone)
        let transition = paced.scene.send(.setMedia(MediaState(microphone: true)), from: Scene.callerPhone)
        #expect(!paced.pace.tell(transition, at: paced.scene.now - .seconds(3600)).isEmpty)
    }

    @Test("What is a show: nothing to store, and nothing to tell but the picture")
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

    /// What devices know, in a call that anything happens to.
    private struct Devices {
        static let all = [
            Scene.callerPhone, Scene.callerLaptop, Scene.calleePhone, Scene.calleeLaptop, Scene.thirdPhone,
            Scene.thirdLaptop, Scene.fourthPhone, Scene.strangersPhone,
        ]
        var known: [CallOrigin: Int64] = [:]
        /// The newest revision that is not a device's own doing.
        var foreign: [CallOrigin: Int64] = [:]

        mutating func tell(_ deliveries: [CallDelivery], _ revision: Int64) {
            for broadcast in CallBroadcast.gathered(from: deliveries) where broadcast.event.carriesCall {
                for address in broadcast.addresses {
                    for device in Self.all where address.reaches(device) {
                        #expect(known[device] ?? 0 <= revision, "a picture older than what is known")
                        known[device] = revision
                    }
                }
            }
        }

        /// Whoever comes into the call by a command and wants no answer has asked to know nothing.
        mutating func change(of before: Call?, to revision: Int64, by asker: CallOrigin?, isAnswered: Bool) {
            let involved = Set(
                (before?.participants ?? []).filter { $0.maySeeCall && ($0.isRinging || $0.isConnected) }.map(\.user))
            for device in Self.all where device != asker && involved.contains(device.user) {
                foreign[device] = revision
            }
            if isAnswered, let asker { known[asker] = revision }
        }

        /// The devices of people in the call that do not know what they should.
        func ignorant(of call: Call, but asker: CallOrigin? = nil) -> [CallOrigin] {
            Self.all.filter { device in
                guard device != asker, let participant = call.participant(device.user), participant.maySeeCall,
                    participant.isRinging || participant.isConnected
                else { return false }
                return known[device] ?? 0 < foreign[device] ?? 0
            }
        }
    }

    @Test(
        "Whatever happens, everybody knows every change of others, at once or after the interval, in order",
        arguments: [true, false])
    func anything(isAnswered: Bool) {
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
                    // The server was started anew: everybody is welcomed.
                    (pace, lastShown) = (UpdatePace(), nil)
                    devices.change(of: before, to: before.revision, by: nil, isAnswered: true)
                    for device in Devices.all { devices.known[device] = before.revision }
                }
                now = now + .milliseconds(Int64.random(in: 0...120, using: &random))
                if let before, let due = pace.due, due <= now {
                    let deliveries = pace.release(of: before, at: due)
                    if !deliveries.isEmpty { noteShown(at: due) }
                    devices.tell(deliveries, before.revision)
                    #expect(devices.ignorant(of: before).isEmpty, "seed \(seed)")
                }
                let call = transition.call
                var asker: CallOrigin?
                for case .others(let user, than: let device) in transition.deliveries.map(\.address)
                where transition.deliveries.allSatisfy({ $0.address != .device(user, device) }) {
                    asker = CallOrigin(user: user, device: device)
                }
                if call.revision != before?.revision {
                    devices.change(of: before, to: call.revision, by: asker, isAnswered: isAnswered)
                }
                let deliveries = pace.tell(transition, at: now)
                devices.tell(deliveries, call.revision)
                if transition.onlyShows {
                    if deliveries.isEmpty { heldBack += 1 } else { noteShown(at: now) }
                } else if call.revision != before?.revision {
                    #expect(devices.ignorant(of: call, but: asker).isEmpty, "seed \(seed)")
                }
                if pace.due == nil { #expect(devices.ignorant(of: call).isEmpty, "seed \(seed)") }
                latest = call
            }
        }
        // The walks do what is tested.
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
