public import Primitives

/// Everything that can happen to an existing call.
public enum CallInput: Sendable, Equatable {
    /// Somebody sends an invite while this call is already open.
    case invite(Invitation)
    /// A device of a user asks for something.
    case command(CallCommand, from: CallOrigin)
    /// The last socket of a device is gone.
    case deviceLost(UserID, DeviceID)
    /// A device has a socket again.
    case deviceReturned(UserID, DeviceID)
    /// A user no longer belongs to the call's conversation: removed from the group, or left it.
    case membershipEnded(UserID)
    /// A device of a user was logged out.
    case deviceLoggedOut(UserID, DeviceID)
    /// The last device of a user was logged out, by the user or because the account is suspended or deleted.
    case userLoggedOut(UserID)
    /// A device of a user who must not know of the call would ring by now: the others see it ring.
    case ringingFeigned(UserID)
    /// Time has passed; carry out what is due.
    case timePassed
}

/// The device that a command comes from.
public struct CallOrigin: Sendable, Hashable {
    /// Whose device it is.
    public let user: UserID
    /// Which device it is.
    public let device: DeviceID

    /// Names a device of a user.
    public init(user: UserID, device: DeviceID) {
        self.user = user
        self.device = device
    }
}

/// What a device may ask of an existing call.
public enum CallCommand: Sendable, Equatable {
    /// The device rings. One that had to be woken by a push for it is given more time.
    case ringing(wokenByPush: Bool)
    /// Answer on this device.
    case accept(RequestID, MediaState)
    /// Decline the call. When the device is merely busy, the others go on ringing: `reachable` are the user's devices
    /// that have a socket.
    case decline(RequestID, isBusy: Bool, reachable: Set<DeviceID>)
    /// The caller gives up before the answer.
    case cancel(RequestID)
    /// Leave the call, whatever its phase.
    case hangUp(RequestID, mediaFailed: Bool)
    /// Take the call over from another device of the same user.
    case move(RequestID, MediaState)
    /// Enter a group call without being rung. `isMember` says whether the user belongs to the call's conversation.
    case join(RequestID, MediaState, isMember: Bool)
    /// Ring more people. This makes a direct call a group call.
    case add(RequestID, [Callee])
    /// Get the call as it is.
    case fetch
    /// Report what is sent.
    case setMedia(MediaState)
    /// Put the call on hold, or go on with it.
    case hold(Bool)
    /// Raise or lower a hand. Hosts lower the hands of others.
    case raiseHand(Bool, of: UserID)
    /// Relay a signal to another participant.
    case signal(Signal, to: UserID)
    /// Begin to share the screen.
    case startScreenShare(RequestID)
    /// Stop sharing the screen.
    case stopScreenShare(RequestID)
    /// What a host does to the others.
    case control(RequestID, HostControl)
}

/// What hosts of a group call may do.
public enum HostControl: Sendable, Equatable {
    /// Give a participant another role. A host who makes somebody else host becomes co-host.
    case setRole(UserID, Participant.Role)
    /// Ask for silence, switch off a camera, or end a screen share; for everybody else when nobody is named.
    case stopMedia(Medium, of: UserID?)
    /// Take somebody out of the call; a barred user can't join again.
    case remove(UserID, isBarred: Bool)
    /// Lock the call, so that newcomers have to be admitted, or unlock it.
    case lock(Bool)
    /// Admit somebody who has asked, or refuse the request.
    case admit(UserID, isAdmitted: Bool)
    /// End the call for everybody.
    case end
}

/// What a participant sends.
public enum Medium: Sendable, Equatable, CaseIterable {
    case microphone
    case camera
    case screen
}

/// Somebody to ring.
public struct Callee: Sendable, Equatable {
    /// Who it is.
    public var user: UserID
    /// Whether the callee is in another call and is not to be disturbed.
    public var isBusy: Bool
    /// Whether the callee must not know of the call: the caller hears ringing until the deadline.
    public var isHidden: Bool
    /// Whether the callee belongs to the call's conversation. One who does not is a guest.
    public var isMember: Bool

    /// Describes somebody to ring.
    public init(_ user: UserID, isBusy: Bool = false, isHidden: Bool = false, isMember: Bool = true) {
        self.user = user
        self.isBusy = isBusy
        self.isHidden = isHidden
        self.isMember = isMember
    }
}

/// Why a call does not do what a command asks.
public enum CallRefusal: Sendable, Equatable {
    /// There is no such call for this user, or no such user in the call.
    case notFound
    /// The call is over.
    case callEnded
    /// Another device of the user has answered.
    case answeredElsewhere
    /// The user or the device may not do this in this call.
    case forbidden
    /// The call is not in the right state.
    case wrongState
    /// Too many signals are pending for the recipient.
    case mailboxFull
    /// Somebody else is sharing a screen.
    case screenTaken
    /// The call, or the list of those who ask to be admitted, is full.
    case callFull
    /// The same person was rung a moment ago; retry after this time.
    case rungJustNow(retryAfter: Instant.Span)
}
