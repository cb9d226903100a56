import Primitives
package import SignalingCore
import SwiftProtobuf
package import Wire

extension WireCall {
    /// A call as everybody in it sees it.
    package init(_ view: CallView) {
        self.init()
        let call = view.call
        id = call.id.description
        conversationID = call.conversation.description
        initiatorID = call.initiator.description
        type = WireCallType(call.type)
        status = WireCallStatus(call.phase.status)
        revision = UInt64(clamping: call.revision)
        startedAt = .init(call.startedAt)
        if let answered = call.answeredAt { answeredAt = .init(answered) }
        if let ended = call.endedAt { endedAt = .init(ended) }
        ringExpiresAt = .init(call.ringExpiresAt)
        if let reason = call.endReason { endReason = WireCallEndReason(reason) }
        participants = call.participants.map { WireCallParticipant($0, profile: view.people[$0.user]) }
        screenShares = call.screenShares.map(WireScreenShare.init)
        clientCallID = call.clientCallID.description
        mediaPath = .peer
        mode = WireCallMode(call.mode)
        locked = call.isLocked
        joinRequests = view.joiningUsers
    }
}

extension WireCallChanged {
    /// What has changed in a call.
    init(_ difference: CallDifference, of view: CallView) {
        self.init()
        let call = view.call
        callID = call.id.description
        revision = UInt64(clamping: call.revision)
        baseRevision = UInt64(clamping: difference.base)
        participants = difference.participants.map { place in
            WireCallParticipant(call.participants[place], profile: view.people[call.participants[place].user])
        }
        shown = difference.shown.map { WireParticipantShown(call.participants[$0]) }
        if difference.isStateChanged { state = WireCallState(call) }
        if difference.areScreenSharesChanged { screenShares.shares = call.screenShares.map(WireScreenShare.init) }
        if difference.areJoinRequestsChanged { joinRequests.users = view.joiningUsers }
    }
}

extension WireCallState {
    init(_ call: Call) {
        self.init()
        status = WireCallStatus(call.phase.status)
        if let answered = call.answeredAt { answeredAt = .init(answered) }
        if let ended = call.endedAt { endedAt = .init(ended) }
        if let reason = call.endReason { endReason = WireCallEndReason(reason) }
        ringExpiresAt = .init(call.ringExpiresAt)
        mode = WireCallMode(call.mode)
        locked = call.isLocked
    }
}

extension WireParticipantShown {
    init(_ participant: Participant) {
        self.init()
        userID = participant.user.description
        switch participant.state {
        case .ringing(let ringing): alerted = ringing.isAlerted
        case .connected(let connection):
            reconnecting = connection.isUnreachable
            media = WireMediaState(connection.media)
            onHold = connection.isOnHold
            if let raisedAt = connection.handRaisedAt { handRaisedAt = .init(raisedAt) }
        case .declined, .left: break
        }
    }
}

extension WireScreenShare {
    init(_ share: Call.ScreenShare) {
        self.init()
        sharerID = share.sharer.description
        startedAt = .init(share.startedAt)
    }
}

extension WireCallMode {
    init(_ mode: Call.Mode) {
        switch mode {
        case .direct: self = .direct
        case .group: self = .group
        }
    }
}

extension CallView {
    /// Who asks to be admitted.
    fileprivate var joiningUsers: [WireUser] {
        call.joinRequests.map { WireUser($0.origin.user, profile: people[$0.origin.user]) }
    }
}

extension WireCallParticipant {
    init(_ participant: Participant, profile: Profile?) {
        self.init()
        user = WireUser(participant.user, profile: profile)
        let record = participant.record
        polite = record.isPolite
        role = WireParticipantRole(record.role)
        status = WireParticipantStatus(record.status)
        if let joined = record.joinedAt { joinedAt = .init(joined) }
        if let left = record.leftAt { leftAt = .init(left) }
        if let reason = record.reason { leaveReason = WireLeaveReason(reason) }
        if let device = record.device { deviceID = device.description }
        switch participant.state {
        case .ringing(let ringing): alerted = ringing.isAlerted
        case .connected(let connection):
            reconnecting = connection.isUnreachable
            media = WireMediaState(connection.media)
            onHold = connection.isOnHold
            if let raisedAt = connection.handRaisedAt { handRaisedAt = .init(raisedAt) }
        case .declined, .left: break
        }
    }
}

extension WireParticipantStatus {
    init(_ status: Participant.Status) {
        switch status {
        case .ringing: self = .ringing
        case .connected: self = .connected
        case .declined: self = .declined
        case .left: self = .left
        }
    }
}

extension WireUser {
    /// Only the id is left of a deleted account.
    fileprivate init(_ user: UserID, profile: Profile?) {
        self = profile.map(WireUser.init) ?? .with { $0.id = user.description }
    }
}

extension WireParticipantRole {
    init(_ role: Participant.Role) {
        switch role {
        case .host: self = .host
        case .coHost: self = .coHost
        case .participant: self = .participant
        }
    }
}

extension WireMedium {
    init(_ medium: Medium) {
        switch medium {
        case .microphone: self = .microphone
        case .camera: self = .camera
        case .screen: self = .screen
        }
    }
}

extension WireCallType {
    init(_ type: Call.MediaType) {
        switch type {
        case .voice: self = .voice
        case .video: self = .video
        }
    }
}

extension WireCallStatus {
    init(_ status: Call.Status) {
        switch status {
        case .initiated: self = .initiated
        case .ongoing: self = .ongoing
        case .completed: self = .completed
        case .missed: self = .missed
        }
    }
}

extension WireCallEndReason {
    init(_ reason: Call.EndReason) {
        switch reason {
        case .noAnswer: self = .noAnswer
        case .declined: self = .declined
        case .busy: self = .busy
        case .cancelled: self = .cancelled
        case .callerDisconnected: self = .callerDisconnected
        case .hangup: self = .hangup
        case .disconnected: self = .disconnected
        case .iceFailed: self = .iceFailed
        case .alone: self = .alone
        case .empty: self = .empty
        case .endedByHost: self = .endedByHost
        case .maxDuration: self = .maxDuration
        case .serverRestart: self = .serverRestart
        }
    }
}

extension WireLeaveReason {
    init(_ reason: Participant.LeaveReason) {
        switch reason {
        case .declined: self = .declined
        case .busy: self = .busy
        case .noAnswer: self = .noAnswer
        case .cancelled: self = .cancelled
        case .callEnded: self = .callEnded
        case .hangup: self = .hangup
        case .disconnected: self = .disconnected
        case .iceFailed: self = .iceFailed
        case .removed: self = .removed
        case .kicked: self = .kicked
        }
    }
}

extension WireRingStopReason {
    init(_ reason: RingStopReason) {
        switch reason {
        case .answeredElsewhere: self = .answeredElsewhere
        case .declinedElsewhere: self = .declinedElsewhere
        case .cancelled: self = .cancelled
        case .noAnswer: self = .noAnswer
        case .callerDisconnected: self = .callerDisconnected
        case .callEnded: self = .callEnded
        case .removed: self = .removed
        }
    }
}

extension WireMediaState {
    init(_ media: MediaState) {
        self.init()
        microphone = media.microphone
        camera = media.camera
    }
}

extension MediaState {
    init(wire media: WireMediaState) {
        self.init(microphone: media.microphone, camera: media.camera)
    }
}

extension WireEvent {
    /// An event of a call.
    package init(_ event: CallEvent, of view: CallView) {
        self.init()
        switch event {
        case .incoming: callIncoming.call = WireCall(view)
        case .updated: callUpdated.call = WireCall(view)
        case .changed(let difference): callChanged = WireCallChanged(difference, of: view)
        case .moved: callMoved.call = WireCall(view)
        case .gone: callGone.callID = view.call.id.description
        case .ringStopped(let reason):
            callRingStopped.reason = WireRingStopReason(reason)
            callRingStopped.call = WireCall(view)
        case .signal(.description(let description), let sender):
            descriptionReceived.callID = view.call.id.description
            descriptionReceived.fromUserID = sender.description
            descriptionReceived.description_p = WireDescription(description)
        case .signal(.candidate(let candidate), let sender):
            candidateReceived.callID = view.call.id.description
            candidateReceived.fromUserID = sender.description
            candidateReceived.candidate = WireCandidate(candidate)
        case .offerUnanswered(let user):
            offerUnanswered.callID = view.call.id.description
            offerUnanswered.userID = user.description
        case .mediaStopped(let medium, let host):
            mediaStopped.callID = view.call.id.description
            mediaStopped.byUserID = host.description
            mediaStopped.medium = WireMedium(medium)
        case .joinDenied: joinDenied.callID = view.call.id.description
        }
    }
}
