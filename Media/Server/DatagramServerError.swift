import Glibc

/// Why a datagram server cannot start or continue.
public struct DatagramServerError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What went wrong.
    public struct Code: Hashable, Sendable {
        private let name: String

        /// A socket could not be opened or bound, usually because the port is taken.
        public static let cannotBind = Code(name: "cannotBind")
        /// The machine does not support this version of the Internet Protocol.
        public static let noSuchFamily = Code(name: "noSuchFamily")
        /// The wait for datagrams failed.
        public static let cannotWait = Code(name: "cannotWait")
        /// `run` was called a second time.
        public static let alreadyRun = Code(name: "alreadyRun")
    }

    /// What went wrong.
    public let code: Code
    /// One line for people.
    public let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// An error with the reason of the last failed system call.
    static func system(_ code: Code, _ message: String) -> DatagramServerError {
        let reason = unsafe strerror(errno).map { unsafe String(cString: $0) } ?? "unknown reason"
        return DatagramServerError(code, "\(message): \(reason)")
    }

    /// The message.
    public var description: String { message }
}
