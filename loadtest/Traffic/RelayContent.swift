import SwiftProtobuf
import Wire

/// What `loadtest relay` has passed on: the same candidate or description again and again, with a number in its text.
///
/// The number says which of them has arrived, also when others were lost or came too late.
struct RelayContent: Sendable {
    /// What is passed on.
    enum Kind: Sendable {
        case candidate
        /// An offer from the first side of a pair, an answer from the second.
        case description
    }

    /// How many digits the number has: as many as any `UInt32` needs.
    private static let digitCount = 10

    private let kind: Kind
    /// The text before and after the number.
    private let head: String
    private let tail: String
    private let byteCount: Int

    /// Makes the content.
    /// - Parameter bytes: How long the text of the candidate or description is, at least 100.
    init(_ kind: Kind, bytes: Int) {
        self.kind = kind
        switch kind {
        case .candidate:
            // An extension attribute (RFC 8839 §5.1) pads it.
            let text = "candidate:1 1 udp 2122260223 192.0.2.1 50000 typ host x-load "
            let padding = bytes - text.utf8.count - Self.digitCount
            head = text + String(repeating: "x", count: max(0, padding))
            tail = ""
        case .description:
            tail = "\r\n"
            head = SyntheticSignals.description(session: 1, bytes: bytes - Self.digitCount - 4) + "a="
        }
        byteCount = head.utf8.count + Self.digitCount + tail.utf8.count
    }

    /// The text with a number.
    func text(_ number: UInt32) -> String {
        var text = head
        text.append(contentsOf: String(10_000_000_000 + UInt64(number)).dropFirst())
        text += tail
        return text
    }

    /// The number in a text; nil when it is not a text of this content.
    func number(in text: String) -> UInt32? {
        guard text.utf8.count == byteCount, text.hasPrefix(head), text.hasSuffix(tail) else { return nil }
        return UInt32(Substring(text.utf8.dropFirst(head.utf8.count).prefix(Self.digitCount)))
    }

    /// The command of one side, without the text. It asks for no answer: the server answers only failures.
    func frame(call: String, from side: CallFlow.Side, to user: String) -> WireClientFrame {
        switch kind {
        case .candidate:
            .with {
                $0.sendCandidate.callID = call
                $0.sendCandidate.userID = user
                $0.sendCandidate.candidate.sdpMid = "0"
                $0.sendCandidate.candidate.peerConnectionID = Self.name(of: side)
            }
        case .description:
            .with {
                $0.sendDescription.callID = call
                $0.sendDescription.userID = user
                $0.sendDescription.description_p.type = side == .caller ? .offer : .answer
                $0.sendDescription.description_p.peerConnectionID = Self.name(of: side)
            }
        }
    }

    /// The same command with its text.
    func frame(_ frame: WireClientFrame, number: UInt32) -> WireClientFrame {
        var frame = frame
        switch kind {
        case .candidate: frame.sendCandidate.candidate.candidate = text(number)
        case .description: frame.sendDescription.description_p.sdp = text(number)
        }
        return frame
    }

    /// The name of a side's peer connection.
    private static func name(of side: CallFlow.Side) -> String { side == .caller ? "caller" : "callee" }
}
