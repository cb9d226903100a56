/// Why a run cannot begin, or a socket cannot be had.
struct LoadTestError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What a caller can act upon.
    enum Code: Sendable, Equatable {
        /// What was given on the command line is wrong.
        case input
        /// The server does not do what is asked of it.
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
