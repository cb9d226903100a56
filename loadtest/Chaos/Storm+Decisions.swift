import Primitives

// What people decide to do.
extension Storm {
    /// Decides what a device does about a call that it is shown.
    mutating func decide(_ picture: CallPicture, at place: Int, now: Instant) {
        let device = devices[place]
        guard !picture.isEnded, let own = picture.member(device.user),
            mindMade.insert(Decision(call: picture.id, place: place, status: "\(picture.status) \(own.status)"))
                .inserted
        else { return }
        switch (picture.status, own.status) {
        case (_, "ringing"): decideRing(picture.id, at: place, now: now)
        case ("initiated", "connected") where own.device == device.id:
            if random.chance(15) { plan(.act(.cancel, call: picture.id), at: place, due: now + random.span(50...1500)) }
            goAwaySometimes(place, now: now)
        case ("ongoing", "connected") where own.device == device.id: decideTalk(picture.id, at: place, now: now)
        case ("ongoing", "connected"):
            if random.chance(20) { plan(.act(.move, call: picture.id), at: place, due: now + random.span(100...800)) }
        case ("ongoing", "left") where picture.isGroup && random.chance(30):
            plan(.act(.join, call: picture.id), at: place, due: now + random.span(300...1500))
        default: break
        }
    }

    private mutating func decideRing(_ call: String, at place: Int, now: Instant) {
        plan(.act(.ringing, call: call), at: place, due: now + random.span(5...100))
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<70: plan(.act(.accept, call: call), at: place, due: now + random.span(50...1200))
        case 70..<82: plan(.act(.decline, call: call), at: place, due: now + random.span(50...1500))
        case 82..<88: plan(.act(.hangUp, call: call), at: place, due: now + random.span(50...1500))
        // Nobody answers the phone.
        default: break
        }
        goAwaySometimes(place, now: now)
    }

    private mutating func decideTalk(_ call: String, at place: Int, now: Instant) {
        plan(.trickle(call: call), at: place, due: now + random.span(10...200))
        // If neither hangs up, the call's maximum duration ends it.
        if random.chance(80) { plan(.act(.hangUp, call: call), at: place, due: now + random.span(300...3000)) }
        if random.chance(15) {
            let start = now + random.span(50...1000)
            plan(.act(.startShare, call: call), at: place, due: start)
            if random.chance(60) { plan(.act(.stopShare, call: call), at: place, due: start + random.span(100...1500)) }
        }
        if random.chance(6) {
            let others = (0..<Int.random(in: 1...2, using: &random)).compactMap { _ in
                people.randomElement(using: &random)?.user
            }.filter { $0 != devices[place].user }
            if !others.isEmpty {
                plan(.act(.add(others), call: call), at: place, due: now + random.span(100...1000))
            }
        }
        goAwaySometimes(place, now: now)
    }

    private mutating func goAwaySometimes(_ place: Int, now: Instant) {
        if settings.devicesGoAway, random.chance(2) { plan(.goAway, at: place, due: now + random.span(50...1500)) }
    }
}
