import Foundation
import Primitives

/// The file that keeps the node's id, so that a server is the same node after a restart.
enum NodeFile {
    /// Reads the id from the file that the settings name; it is made, and its folder, when there is none.
    static func load(_ settings: Settings) throws -> NodeID {
        let path = settings.nodeFile
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
        let files = FileManager.default
        do {
            try files.createDirectory(
                at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            if !files.fileExists(atPath: path) { try make(path, NodeID.random(at: wallClock())) }
            let text = try String(contentsOfFile: path, encoding: .utf8)
            if let node = NodeID(text.trimmingCharacters(in: .whitespacesAndNewlines)) { return node }
        } catch {
            throw Failure(.configuration, "node.idFile can't be read or made: \(path)")
        }
        throw Failure(.configuration, "\(path) does not hold a node's id; delete it to have a new one made")
    }

    /// Makes the file, unless it is there: a link never replaces what another server made in the meantime, and nobody reads
    /// half of it.
    private static func make(_ path: String, _ node: NodeID) throws {
        let draft = "\(path).\(node)"
        try Data("\(node)\n".utf8).write(to: URL(fileURLWithPath: draft))
        defer { try? FileManager.default.removeItem(atPath: draft) }
        do {
            try FileManager.default.linkItem(atPath: draft, toPath: path)
        } catch  where FileManager.default.fileExists(atPath: path) {
            // Another server was faster.
        }
    }
}
