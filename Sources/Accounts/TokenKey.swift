import Glibc
import Primitives

/// The secret with which access tokens are signed: 32 bytes.
public struct TokenKey: Sendable {
    static let byteCount = 32

    let bytes: Redacted<[UInt8]>

    /// Makes a key from 32 bytes; nil with any other number.
    public init?(_ bytes: [UInt8]) {
        guard bytes.count == Self.byteCount else { return nil }
        self.bytes = Redacted(bytes)
    }

    private init(random generator: inout SystemRandomNumberGenerator) {
        bytes = Redacted((0..<Self.byteCount).map { _ in UInt8.random(in: .min ... .max, using: &generator) })
    }

    /// Makes a key from the system's randomness.
    public static func random() -> TokenKey {
        var generator = SystemRandomNumberGenerator()
        return TokenKey(random: &generator)
    }
}

/// Why the key file cannot be used.
public struct TokenKeyError: Error, Sendable, Equatable {
    /// What a caller can act upon.
    public enum Code: Sendable, Equatable {
        /// The file cannot be read or made; with the system's error number.
        case inaccessible(errno: Int32)
        /// People other than the owner may read or write the file; with its permission bits.
        case exposed(mode: UInt32)
        /// The file does not hold a key.
        case malformed
    }

    /// What a caller can act upon.
    public var code: Code
    /// What to do, for people.
    public var message: String
}

extension TokenKeyError: CustomStringConvertible {
    /// The message, which never shows the file's content.
    public var description: String { message }
}

extension TokenKey {
    /// Reads the key file, and creates it when there is none.
    ///
    /// The file holds one line: 32 bytes in URL-safe base 64 without padding. It is written under another name and then
    /// linked to its own, so nobody reads half of it. When two servers start at once, one makes the key and both read
    /// it.
    /// - Parameter path: The file; its folder must exist.
    public static func load(orCreateAt path: String) throws(TokenKeyError) -> TokenKey {
        if let key = try read(path) { return key }
        try create(path)
        guard let key = try read(path) else { throw TokenKeyError(.inaccessible(errno: ENOENT), path) }
        return key
    }

    /// The key in the file, or nil when there is no file.
    private static func read(_ path: String) throws(TokenKeyError) -> TokenKey? {
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else {
            if errno == ENOENT { return nil }
            throw TokenKeyError(.inaccessible(errno: errno), path)
        }
        defer { close(file) }
        var status = stat()
        guard unsafe fstat(file, &status) == 0 else { throw TokenKeyError(.inaccessible(errno: errno), path) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw TokenKeyError(.malformed, path) }
        guard status.st_mode & 0o077 == 0 else { throw TokenKeyError(.exposed(mode: status.st_mode & 0o777), path) }
        var text = [UInt8](repeating: 0, count: 64)
        var count = 0
        while count < text.count {
            let room = text.count - count
            let got = unsafe text.withUnsafeMutableBytes { buffer in
                unsafe Glibc.read(file, buffer.baseAddress?.advanced(by: count), room)
            }
            if got < 0 && errno == EINTR { continue }
            guard got >= 0 else { throw TokenKeyError(.inaccessible(errno: errno), path) }
            if got == 0 { break }
            count += got
        }
        let line = text[..<count].last == UInt8(ascii: "\n") ? text[..<(count - 1)] : text[..<count]
        guard let bytes = Base64URL.decode(line), let key = TokenKey(bytes) else {
            throw TokenKeyError(.malformed, path)
        }
        return key
    }

    /// Makes the file with a new key, unless it exists.
    private static func create(_ path: String) throws(TokenKeyError) {
        var generator = SystemRandomNumberGenerator()
        let key = TokenKey(random: &generator)
        let draft = "\(path).\(String(generator.next(), radix: 16))"
        let file = unsafe open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw TokenKeyError(.inaccessible(errno: errno), path) }
        defer { unsafe unlink(draft) }
        let failure = write(Array((Base64URL.encode(key.bytes.exposed) + "\n").utf8), to: file)
        close(file)
        if let failure { throw TokenKeyError(.inaccessible(errno: failure), path) }
        // Unlike a rename, a link never replaces a key that somebody else made in the meantime.
        guard unsafe link(draft, path) == 0 || errno == EEXIST else {
            throw TokenKeyError(.inaccessible(errno: errno), path)
        }
    }

    /// Writes everything through to the disk; returns the error number when that fails.
    private static func write(_ bytes: [UInt8], to file: Int32) -> Int32? {
        var count = 0
        while count < bytes.count {
            let rest = bytes.count - count
            let put = unsafe bytes.withUnsafeBytes { buffer in
                unsafe Glibc.write(file, buffer.baseAddress?.advanced(by: count), rest)
            }
            if put < 0 && errno == EINTR { continue }
            guard put > 0 else { return errno }
            count += put
        }
        return fsync(file) == 0 ? nil : errno
    }
}

extension TokenKeyError {
    fileprivate init(_ code: Code, _ path: String) {
        self.code = code
        message =
            switch code {
            case .inaccessible(let number):
                "The key file \(path) cannot be read or made: \(unsafe String(cString: strerror(number)))."
            case .exposed(let mode):
                "Others may read the key file \(path) (mode \(String(mode, radix: 8))). Run: chmod 600 \(path)"
            case .malformed:
                "The key file \(path) does not hold a key. Delete it to have a new one made; everybody logs in again."
            }
    }
}
