import Foundation
import Primitives
import Testing

@testable import SignalingCore

/// Compares the diagrams of docs/call-machine.md with the machine: everything that random schedules do is drawn, and
/// everything that is drawn happens.
@Suite("The state diagrams are true", .serialized)
struct StateDiagramTests {
    /// An arrow: from a state to a state, labelled with a reason.
    struct Arrow: Hashable, Comparable, CustomStringConvertible {
        let from: String
        let to: String
        let reason: String

        var description: String { "\(from) --> \(to)" + (reason.isEmpty ? "" : ": \(reason)") }

        static func < (left: Arrow, right: Arrow) -> Bool { left.description < right.description }
    }

    /// The arrows that random schedules took.
    private struct Explored: Sendable {
        var calls: Set<Arrow> = []
        var participants: Set<Arrow> = []
        var shares: Set<Arrow> = []

        mutating func note(_ before: Call?, _ transition: CallTransition) {
            let after = transition.call
            if before?.phase != after.phase {
                let from = before.map { name($0.phase) } ?? "[*]"
                calls.insert(Arrow(from: from, to: name(after.phase), reason: after.endReason?.rawValue ?? ""))
            }
            for participant in after.participants {
                let old = before?.participant(participant.user)?.state
                let from = old.map(name) ?? "[*]"
                let arrow = Arrow(from: from, to: name(participant.state), reason: reason(participant.state))
                if arrow.from != arrow.to || reason(old) != arrow.reason { participants.insert(arrow) }
            }
            for change in transition.changes {
                switch change {
                case .openShare: shares.insert(Arrow(from: "[*]", to: "open", reason: ""))
                case .closeShare(_, _, let reason):
                    shares.insert(Arrow(from: "open", to: "closed", reason: reason.rawValue))
                case .insertCall, .updateCall, .putParticipant: break
                }
            }
        }
    }

    private static let explored: Explored = {
        var explored = Explored()
        for seed in 0..<6000 as Range<UInt64> {
            var walk = RandomWalk(seed: seed)
            walk.run { explored.note($0, $1) }
        }
        return explored
    }()

    @Test("Of the call")
    func call() throws { try Self.compare(Self.explored.calls, with: "call") }

    @Test("Of a participant")
    func participant() throws { try Self.compare(Self.explored.participants, with: "participant") }

    @Test("Of a screen share")
    func screenShare() throws { try Self.compare(Self.explored.shares, with: "screen share") }

    private static func compare(_ seen: Set<Arrow>, with heading: String) throws {
        let drawn = try diagram(heading)
        #expect(seen.subtracting(drawn).sorted() == [], "these happen and are not drawn")
        #expect(drawn.subtracting(seen).sorted() == [], "these are drawn and do not happen")
    }

    /// The arrows of the Mermaid diagram under a heading. One arrow may carry several reasons.
    private static func diagram(_ heading: String) throws -> Set<Arrow> {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../../docs/call-machine.md")
        let text = try String(contentsOf: file, encoding: .utf8)
        let section = try #require(text.components(separatedBy: "## The \(heading)\n").dropFirst().first)
        let mermaid = try #require(section.components(separatedBy: "```mermaid\n").dropFirst().first)
        var arrows: Set<Arrow> = []
        for line in mermaid.components(separatedBy: "```")[0].split(separator: "\n") {
            let parts = line.trimmingCharacters(in: .whitespaces).components(separatedBy: " --> ")
            guard parts.count == 2 else { continue }
            let end = parts[1].components(separatedBy: ": ")
            let reasons = end.count == 2 ? end[1].components(separatedBy: ", ") : [""]
            for reason in reasons { arrows.insert(Arrow(from: parts[0], to: end[0], reason: reason)) }
        }
        return arrows
    }
}

private func name(_ phase: Call.Phase) -> String {
    switch phase {
    case .initiated: "initiated"
    case .ongoing: "ongoing"
    case .completed: "completed"
    case .missed: "missed"
    }
}

private func name(_ state: Participant.State) -> String {
    switch state {
    case .ringing: "ringing"
    case .connected: "connected"
    case .declined: "declined"
    case .left: "left"
    }
}

private func reason(_ state: Participant.State?) -> String {
    switch state {
    case .declined(_, let reason), .left(_, _, let reason): reason.rawValue
    case .ringing, .connected, nil: ""
    }
}
