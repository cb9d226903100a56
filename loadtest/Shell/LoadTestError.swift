/// Why a run cannot begin, or a socket is not available.
struct LoadTestError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What a caller can act on.
    enum Code: Sendable, Equatable {
        /// The command-line arguments are wrong.
        case input
        /// The server does not do what it is asked.
        case server
    }

    let code: Code
    /// One line for people.
    let message: String
    /// A short word for counting; the same for the same cause.
    let word: String

    init(_ code: Code, _ message: String, word: String = "") {
        self.code = code
        self.message = message
        self.word = word
    }

    var description: String { message }
}
