import ArgumentParser

/// The load-test tool: one scenario per run, limited in count and time.
@main
struct LoadTestCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "loadtest",
        abstract: "Put a Ringback server under load and measure it.",
        discussion: """
            The report goes to standard output. The exit code is 0 when everything succeeded, 1 when a call, a message, a \
            relay or a socket failed, 65 for wrong input and 69 when the server does not let the run begin.
            """,
        subcommands: [Idle.self, Calls.self, Messages.self, Relay.self, STUN.self, Chaos.self])
}
