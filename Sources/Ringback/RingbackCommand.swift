import ArgumentParser

/// The program: `ringback serve` is the server, the rest is for its operator.
@main
struct RingbackCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ringback",
        abstract: "A signaling and call-session server: voice and video calls, and messages over the same socket.",
        discussion: """
            `ringback serve` without flags keeps everything in ./data and serves http://127.0.0.1:8080.
            Every setting can be given as a flag, in the environment as RINGBACK_…, or in a JSON file (--config);
            flags override the environment, and the environment overrides the file.
            """,
        version: Version.number,
        subcommands: [Serve.self, Migrate.self, User.self, Token.self, Version.self])
}

/// `ringback version`: prints the version.
struct Version: ParsableCommand {
    /// The version of this program.
    static let number = "0.1.0"

    static let configuration = CommandConfiguration(abstract: "Print the version.")

    func run() {
        print("ringback \(Self.number)")
    }
}
