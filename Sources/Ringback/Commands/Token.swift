import Accounts
import ArgumentParser
import Primitives

/// `ringback token`: access tokens made by hand.
struct Token: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Create access tokens for tools and load tests.", subcommands: [Create.self])

    /// `ringback token create`: makes an access token.
    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Create an access token for a user and print it.",
            discussion: """
                The token has its own session and device. It is listed among the user's sessions and can be revoked \
                there. Only the token is printed on standard output; the device's id goes to standard error.
                """)

        @Argument(help: "The username.")
        var username: String

        @Option(help: "The lifetime in seconds, up to 31622400 (366 days).")
        var seconds = 3600

        @OptionGroup var database: DatabaseOptions

        func validate() throws {
            guard (1...31_622_400).contains(seconds) else {
                throw ValidationError("--seconds must be from 1 to 31622400.")
            }
        }

        func run() async throws {
            try await Failure.reported {
                try await AccountAdministration.with(database.settings(), key: .existing) { accounts in
                    let token = try await accounts.createToken(username: username, lifetime: .seconds(Int64(seconds)))
                    print(token.accessToken.exposed)
                    LineWriter.standardError.write("device \(token.device), good until \(token.expiresAt)")
                }
            }
        }
    }
}
