/// What two peer connections tell each other. The server relays it and never reads it.
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
        /// The sender's peer connection and its number of ICE restarts.
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
        /// The media section's index, from 0.
        public let lineIndex: UInt32
        /// The ICE user name fragment that it belongs to.
        public let usernameFragment: String
        /// The sender's peer connection and its number of ICE restarts.
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

    /// Where a signal comes from: candidates gathered before an ICE restart are void after it.
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
