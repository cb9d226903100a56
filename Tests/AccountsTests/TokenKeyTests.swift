import Foundation
import Glibc
import Primitives
import Testing

@testable import Accounts

@Suite(.timeLimit(.minutes(1))) struct TokenKeyTests {
    private func withFolder<T>(_ body: (String) async throws -> T) async throws -> T {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("ringback-key-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        return try await body(folder.path)
    }

    @Test func makesTheFileOnceForItsOwnerAlone() async throws {
        try await withFolder { folder in
            let path = folder + "/key"
            let first = try TokenKey.load(orCreateAt: path)
            let second = try TokenKey.load(orCreateAt: path)
            #expect(first.bytes == second.bytes)
            #expect(first.bytes.exposed.count == 32)
            let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
            #expect(mode == 0o600)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["key"])
        }
    }

    @Test func everybodyWhoStartsAtOnceReadsTheSameKey() async throws {
        try await withFolder { folder in
            for round in 0..<20 {
                let keys = try await withThrowingTaskGroup(of: [UInt8].self) { group in
                    for _ in 0..<8 {
                        group.addTask { try TokenKey.load(orCreateAt: "\(folder)/key\(round)").bytes.exposed }
                    }
                    return try await group.reduce(into: Set<[UInt8]>()) { $0.insert($1) }
                }
                #expect(keys.count == 1)
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).count == 20)
        }
    }

    @Test(arguments: [0o640, 0o604, 0o660, 0o666, 0o620] as [UInt32])
    func refusesAFileThatOthersReach(mode: UInt32) async throws {
        try await withFolder { folder in
            let path = folder + "/key"
            _ = try TokenKey.load(orCreateAt: path)
            #expect(unsafe chmod(path, mode) == 0)
            let error = #expect(throws: TokenKeyError.self) { try TokenKey.load(orCreateAt: path) }
            #expect(error?.code == .exposed(mode: mode))
            #expect(error?.message.contains("chmod 600") == true)
        }
    }

    @Test(arguments: [
        "", "\n", "short\n", String(repeating: "A", count: 44), String(repeating: "A", count: 100) + "\n",
    ])
    func refusesAFileWithoutAKey(content: String) async throws {
        try await withFolder { folder in
            let path = folder + "/key"
            try Data(content.utf8).write(to: URL(fileURLWithPath: path))
            #expect(unsafe chmod(path, 0o600) == 0)
            let error = #expect(throws: TokenKeyError.self) { try TokenKey.load(orCreateAt: path) }
            #expect(error?.code == .malformed)
            #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data(content.utf8), "it is left alone")
        }
    }

    @Test func saysWhatIsWrongWithThePath() async throws {
        try await withFolder { folder in
            let missing = #expect(throws: TokenKeyError.self) { try TokenKey.load(orCreateAt: folder + "/no/key") }
            #expect(missing?.code == .inaccessible(errno: ENOENT))
            let directory = #expect(throws: TokenKeyError.self) { try TokenKey.load(orCreateAt: folder) }
            #expect(directory?.code == .malformed)
        }
    }

    @Test func describesItselfWithoutItsBytes() {
        #expect(!"\(TokenKey.random())".contains(","))
    }
}
