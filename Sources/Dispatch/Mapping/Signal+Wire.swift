import SignalingCore
import Wire

extension WireDescription {
    init(_ description: Signal.Description) {
        self.init()
        switch description.kind {
        case .offer: type = .offer
        case .answer: type = .answer
        case .rollback: type = .rollback
        }
        sdp = description.sdp
        peerConnectionID = description.source.peerConnection
        generation = description.source.generation
    }
}

extension WireCandidate {
    init(_ candidate: Signal.Candidate) {
        self.init()
        self.candidate = candidate.candidate
        sdpMid = candidate.mid
        sdpMLineIndex = candidate.lineIndex
        usernameFragment = candidate.usernameFragment
        peerConnectionID = candidate.source.peerConnection
        generation = candidate.source.generation
    }
}

extension Signal.Description {
    /// Checks a description that a client sent. The SDP itself is not parsed.
    init(wire description: WireDescription, limits: FieldLimits) throws(Fault) {
        let kind: Kind
        switch description.type {
        case .offer: kind = .offer
        case .answer: kind = .answer
        case .rollback: kind = .rollback
        case .unspecified, .UNRECOGNIZED: throw .invalid("description.type is not an offer, answer or rollback.")
        }
        guard description.sdp.utf8.count <= limits.descriptionBytes else {
            throw .tooLarge("description.sdp has more than \(limits.descriptionBytes) bytes.")
        }
        guard kind == .rollback || !description.sdp.isEmpty else { throw .invalid("description.sdp is empty.") }
        self.init(
            kind: kind, sdp: description.sdp,
            source: try .init(wire: description.peerConnectionID, generation: description.generation))
    }
}

extension Signal.Candidate {
    /// Checks a candidate that a client sent. An empty one ends the gathering.
    init(wire candidate: WireCandidate, limits: FieldLimits) throws(Fault) {
        guard candidate.candidate.utf8.count <= limits.candidateBytes else {
            throw .tooLarge("candidate.candidate has more than \(limits.candidateBytes) bytes.")
        }
        // RFC 8839 §5.4 allows 256 characters in a ufrag; a media section's name is as short in practice.
        guard candidate.sdpMid.utf8.count <= 256 else { throw .tooLarge("candidate.sdp_mid has more than 256 bytes.") }
        guard candidate.usernameFragment.utf8.count <= 256 else {
            throw .tooLarge("candidate.username_fragment has more than 256 bytes.")
        }
        guard candidate.sdpMLineIndex <= UInt32(UInt16.max) else {
            throw .invalid("candidate.sdp_m_line_index is above 65535.")
        }
        self.init(
            candidate: candidate.candidate, mid: candidate.sdpMid, lineIndex: candidate.sdpMLineIndex,
            usernameFragment: candidate.usernameFragment,
            source: try .init(wire: candidate.peerConnectionID, generation: candidate.generation))
    }
}

extension Signal.Source {
    fileprivate init(wire peerConnection: String, generation: UInt32) throws(Fault) {
        guard peerConnection.utf8.count <= 64 else { throw .tooLarge("peer_connection_id has more than 64 bytes.") }
        self.init(peerConnection: peerConnection, generation: generation)
    }
}
