import Foundation
import Glibc
import Primitives

/// The file with the node's id, so that a server is the same node after a restart. It is locked while the server runs:
/// two servers that were the same node would take each other's calls.
final class NodeFile {
    /// The node's id.
    let node: NodeID
    /// Holds the lock, which is released with it or with the process.
    private let descriptor: Int32

    /// Reads and locks the file that the settings name; creates it and its folder if there is none.
    /// - Throws: `Failure`, also when a running server has it.
    init(_ settings: Settings) throws {
        let path = settings.nodeFile
        let opened: Int32
        do {
            opened = try Self.open(path)
        } catch {
            throw Failure(.configuration, "node.idFile cannot be read or created: \(path)")
        }
        // If a file system has no locks, the node's epoch still tells the older server that there is a newer one.
        if flock(opened, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK {
            Glibc.close(opened)
            throw Failure(
                .unavailable,
                "a server runs already as the node of \(path); give each server a node.idFile of its own")
        }
        guard let text = try? String(contentsOfFile: path, encoding: .utf8),
            let node = NodeID(text.trimmingCharacters(in: .whitespacesAndNewlines))
        else {
            Glibc.close(opened)
            throw Failure(.configuration, "\(path) does not contain a node's id; delete it to create a new one")
        }
        self.node = node
        descriptor = opened
    }

    deinit { Glibc.close(descriptor) }

    private static func open(_ path: String) throws -> Int32 {
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
        let files = FileManager.default
        try files.createDirectory(
            at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        if !files.fileExists(atPath: path) { try make(path, NodeID.random(at: wallClock())) }
        let descriptor = unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw CocoaError(.fileReadNoPermission) }
        return descriptor
    }

    /// Makes the file, unless it exists: a link never replaces what another server made in the meantime, and nobody
    /// reads half of it.
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
