import Primitives
import SignalingCore

/// Short names for a readable trace: users A, B, C, their devices A1, A2, times from the start.
enum Describe {
    static func time(_ moment: Instant) -> String {
        let span = (moment - World.start).microseconds
        let microseconds = abs(span)
        let rest = String(microseconds % 1_000_000)
        return (span < 0 ? "-" : "") + "\(microseconds / 1_000_000)." + String(repeating: "0", count: 6 - rest.count)
            + rest
    }

    static func user(_ user: UserID) -> String {
        String(UnicodeScalar(UInt8(ascii: "A") + UInt8(truncatingIfNeeded: user.low - 1)))
    }

    static func device(_ index: Int) -> String {
        "\(user(World.user(of: index)))\(index % World.devicesPerUser + 1)"
    }

    static func device(_ id: DeviceID) -> String {
        device(World.device(id))
    }

    static func call(_ call: Call) -> String {
        var text = "\(call.mode) call \(call.id.low) r\(call.revision) "
        if call.isLocked { text += "locked " }
        switch call.phase {
        case .initiated: text += "initiated"
        case .ongoing(let answeredAt): text += "ongoing since \(time(answeredAt))"
        case .completed(_, let endedAt, let reason): text += "completed \(reason) at \(time(endedAt))"
        case .missed(let endedAt, let reason): text += "missed \(reason) at \(time(endedAt))"
        }
        for participant in call.participants { text += ", \(self.participant(participant))" }
        for share in call.screenShares { text += ", \(user(share.sharer)) shares since \(time(share.startedAt))" }
        return "[\(text)]"
    }

    private static func participant(_ participant: Participant) -> String {
        let role = participant.role == .participant ? "" : "(\(participant.role))"
        let name = user(participant.user) + role + (participant.isHidden ? "(hidden)" : "")
        switch participant.state {
        case .ringing(let ringing): return "\(name) ringing until \(time(ringing.until))"
        case .connected(let connection):
            let base = "\(name) connected by \(device(connection.device)) since \(time(connection.joinedAt))"
            return switch connection.reachability {
            case .reachable: base
            case .lost(let until): base + " lost until \(time(until))"
            case .adopted(let until): base + " awaited until \(time(until))"
            }
        case .declined(let at, let reason): return "\(name) declined \(reason) at \(time(at))"
        case .left(_, let at, let reason): return "\(name) left \(reason) at \(time(at))"
        }
    }

    static func reference(_ call: Reference) -> String {
        var text = "\(call.status)"
        if let answeredAt = call.answeredAt { text += " answered at \(time(answeredAt))" }
        if let endedAt = call.endedAt { text += " ended at \(time(endedAt))" }
        if let reason = call.endReason { text += " \(reason)" }
        for person in call.people {
            text +=
                ", \(user(person.user))(\(person.role)\(person.standing == .member ? "" : ", \(person.standing)")) \(person.status)"
            if let device = person.device { text += " by \(self.device(device))" }
            if let until = person.ringsUntil { text += " until \(time(until))" }
            if let reason = person.reason { text += " \(reason)" }
            if let at = person.leftAt { text += " at \(time(at))" }
            switch person.absence {
            case .here: break
            case .lost(let until): text += " lost until \(time(until))"
            case .awaited(let until): text += " awaited until \(time(until))"
            }
        }
        for share in call.shares { text += ", \(user(share.sharer)) shares" }
        return "[\(text)]"
    }

    static func body(_ body: ClientFrame.Body) -> String {
        switch body {
        case .hello: "hello"
        case .invite(.user(let callee), let name): "invite \(user(callee)) as \(name.low)"
        case .invite(.group, let name): "invite the group as \(name.low)"
        case .call(let id, let command): "call \(id.low): \(self.command(command))"
        }
    }

    private static func command(_ command: CallCommand) -> String {
        switch command {
        case .ringing(let wokenByPush): wokenByPush ? "ringing, woken by a push" : "ringing"
        case .join(let request, _, let isMember): "join\(isMember ? "" : " as a stranger") #\(request.low)"
        case .add(let request, let callees): "add \(callees.map { user($0.user) }) #\(request.low)"
        case .hold(let isOnHold): isOnHold ? "hold" : "go on"
        case .raiseHand(let isRaised, of: let owner): "\(isRaised ? "raise" : "lower") the hand of \(user(owner))"
        case .control(let request, let control): "\(self.control(control)) #\(request.low)"
        case .accept(let request, _): "accept #\(request.low)"
        case .decline(let request, let isBusy, _): "\(isBusy ? "busy" : "decline") #\(request.low)"
        case .cancel(let request): "cancel #\(request.low)"
        case .hangUp(let request, let mediaFailed): "hang up\(mediaFailed ? ", media failed," : "") #\(request.low)"
        case .move(let request, _): "move #\(request.low)"
        case .fetch: "fetch"
        case .setMedia(let media): "microphone \(media.microphone), camera \(media.camera)"
        case .signal(let signal, to: let recipient): "\(self.signal(signal)) to \(user(recipient))"
        case .startScreenShare(let request): "start share #\(request.low)"
        case .stopScreenShare(let request): "stop share #\(request.low)"
        }
    }

    private static func control(_ control: HostControl) -> String {
        switch control {
        case .setRole(let who, let role): "make \(user(who)) \(role)"
        case .stopMedia(let medium, of: let who): "stop the \(medium) of \(who.map(user) ?? "all")"
        case .remove(let who, let isBarred): "\(isBarred ? "bar" : "remove") \(user(who))"
        case .lock(let isLocked): isLocked ? "lock" : "unlock"
        case .admit(let who, let isAdmitted): "\(isAdmitted ? "admit" : "turn away") \(user(who))"
        case .end: "end for all"
        }
    }

    private static func signal(_ signal: Signal) -> String {
        switch signal {
        case .description(let description):
            "\(description.kind) \(description.sdp.prefix(8)) of \(description.source.peerConnection)"
                + " generation \(description.source.generation)"
        case .candidate(let candidate):
            "candidate \(candidate.candidate) of \(candidate.source.peerConnection)"
                + " generation \(candidate.source.generation)"
        }
    }

    static func event(_ event: CallEvent) -> String {
        switch event {
        case .incoming: "incoming"
        case .updated: "updated"
        case .changed(let difference): "changed since r\(difference.base)"
        case .ringStopped(let reason): "ring stopped: \(reason)"
        case .moved: "moved"
        case .offerUnanswered(by: let other): "offer not answered by \(user(other))"
        case .mediaStopped(let medium, by: let host): "\(medium) stopped by \(user(host))"
        case .joinDenied: "join denied"
        case .gone: "gone"
        case .signal(let signal, from: let sender): "\(self.signal(signal)) from \(user(sender))"
        }
    }

    static func reply(_ reply: CallReply) -> String {
        switch reply {
        case .done(let view): "done \(call(view.call))"
        case .refused(let refusal, let view): "\(refusal) \(view.map { call($0.call) } ?? "")"
        case .limited, .usedUp, .unavailable, .failed: "\(reply)"
        }
    }

    static func refusal(_ refusal: CallRefusal?) -> String {
        refusal.map { "\($0)" } ?? "done"
    }
}
