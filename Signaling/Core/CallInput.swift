public import Primitives

/// Everything that can happen to a call that exists.
public enum CallInput: Sendable, Equatable {
    /// A device of a user asks for something.
    case command(CallCommand, from: CallOrigin)
    /// The last socket of a device is gone.
    case deviceLost(UserID, DeviceID)
    /// A device has a socket again.
    case deviceReturned(UserID, DeviceID)
    /// Time has passed; what is due is carried out, as it is before every other input.
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

/// What a device may ask of a call that exists.
public enum CallCommand: Sendable, Equatable {
    /// The device rings.
    case ringing
    /// Answer on this device.
    case accept(RequestID, MediaState)
    /// Turn the call away. When the device is merely busy, the others go on ringing: `reachable` are the user's
    /// devices that have a socket.
    case decline(RequestID, isBusy: Bool, reachable: Set<DeviceID>)
    /// The caller gives up before the answer.
    case cancel(RequestID)
    /// Leave the call, whatever its phase.
    case hangUp(RequestID, mediaFailed: Bool)
    /// Take the call over from another device of the same user.
    case move(RequestID, MediaState)
    /// Tell the call as it is.
    case fetch
    /// Say what is sent.
    case setMedia(MediaState)
    /// Pass something on to another participant.
    case signal(Signal, to: UserID)
    /// Begin to share the screen.
    case startScreenShare(RequestID)
    /// Stop sharing the screen.
    case stopScreenShare(RequestID)
}

/// What two peer connections tell each other. The server passes it on and never reads it.
public enum Signal: Sendable, Equatable {
    /// A session description (RFC 8866) in the offer/answer exchange (RFC 3264).
    case description(Description)
    /// An ICE candidate (RFC 8839); an empty one ends the gathering.
    case candidate(Candidate)

    /// A session description.
    public struct Description: Sendable, Equatable {
        /// The kinds of descriptions (RFC 9429 §4.1.8).
        public enum Kind: Sendable, Equatable {
            case offer
            case answer
            case rollback
        }

        /// Offer, answer or rollback.
        public let kind: Kind
        /// The body, at most 64 KiB.
        public let sdp: String
        /// The sender's peer connection and how often its ICE was restarted.
        public let source: Source

        /// Makes a description.
        public init(kind: Kind, sdp: String, source: Source) {
            self.kind = kind
            self.sdp = sdp
            self.source = source
        }
    }

    /// An ICE candidate, as `RTCIceCandidate` in the browser.
    public struct Candidate: Sendable, Equatable {
        /// The candidate-attribute, at most 2 KiB.
        public let candidate: String
        /// The media section's identification (RFC 8843).
        public let mid: String
        /// The media section's place, from 0.
        public let lineIndex: UInt32
        /// The ICE user name fragment that it belongs to.
        public let usernameFragment: String
        /// The sender's peer connection and how often its ICE was restarted.
        public let source: Source

        /// Makes a candidate.
        public init(candidate: String, mid: String, lineIndex: UInt32, usernameFragment: String, source: Source) {
            self.candidate = candidate
            self.mid = mid
            self.lineIndex = lineIndex
            self.usernameFragment = usernameFragment
            self.source = source
        }
    }

    /// Where a signal comes from: what was gathered before an ICE restart is void after it.
    public struct Source: Sendable, Equatable {
        /// Names the sender's peer connection, at most 64 bytes.
        public let peerConnection: String
        /// Counts its ICE restarts.
        public let generation: UInt32

        /// Makes a source.
        public init(peerConnection: String, generation: UInt32) {
            self.peerConnection = peerConnection
            self.generation = generation
        }
    }
}

/// Why a call does not do what a command asks for.
public enum CallRefusal: Sendable, Equatable {
    /// There is no such call for this user.
    case notFound
    /// The call is over.
    case callEnded
    /// Another device of the user has answered.
    case answeredElsewhere
    /// The user or the device may not do this in this call.
    case forbidden
    /// The call is not in a state for it.
    case wrongState
    /// Too much waits for the recipient already.
    case mailboxFull
}
