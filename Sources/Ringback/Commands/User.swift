import Accounts
import ArgumentParser
import Foundation
import Primitives

/// `ringback user`: accounts, from the command line.
struct User: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Create, list and suspend accounts.", subcommands: [Create.self, List.self, Suspend.self])

    /// `ringback user create`: makes an account.
    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Create an account.",
            discussion: "Asks for the password, or reads it from standard input when that is not a terminal.")

        @Argument(help: "3 to 50 of a-z, 0-9, '.', '_' and '-', beginning with a letter or digit.")
        var username: String

        @Option(help: "The name that others see. (default: the username)")
        var displayName = ""

        @OptionGroup var database: DatabaseOptions

        func run() async throws {
            try await Failure.reported {
                let password = try readPassword()
                try await AccountAdministration.with(database.settings()) { accounts in
                    let profile = try await accounts.createUser(
                        username: username, password: password, displayName: displayName)
                    print("Made \(profile.username) (\(profile.id)).")
                }
            }
        }

        private func readPassword() throws -> Redacted<String> {
            let isTerminal = isatty(STDIN_FILENO) == 1
            let text: String?
            if isTerminal {
                text = unsafe getpass("Password for \(username): ").map { unsafe String(cString: $0) }
            } else {
                text = readLine(strippingNewline: true)
            }
            guard let text, !text.isEmpty else { throw Failure(.data, "no password was given") }
            return Redacted(text)
        }
    }

    /// `ringback user list`: lists accounts.
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List accounts by username, a line each: id, username, display name, state.")

        @OptionGroup var database: DatabaseOptions

        func run() async throws {
            try await Failure.reported {
                try await AccountAdministration.with(database.settings()) { accounts in
                    var last = ""
                    while true {
                        let page = try await accounts.listUsers(after: last, limit: 500)
                        for user in page {
                            let state = user.isSuspended ? "suspended" : "active"
                            print("\(user.profile.id)\t\(user.profile.username)\t\(user.profile.displayName)\t\(state)")
                        }
                        guard let end = page.last else { return }
                        last = end.profile.username
                    }
                }
            }
        }
    }

    /// `ringback user suspend`: suspends an account, or ends the suspension.
    struct Suspend: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Suspend an account and end its sessions, or lift the suspension.",
            discussion: """
                A suspended user cannot log in, and every request with an old token is refused at once. On running servers \
                the user is out of calls, and open sockets are closed, within about a second.
                """)

        @Argument(help: "The username.")
        var username: String

        @Flag(help: "Let the user in again.")
        var lift = false

        @OptionGroup var database: DatabaseOptions

        func run() async throws {
            try await Failure.reported {
                try await AccountAdministration.with(database.settings()) { accounts in
                    if lift {
                        try await accounts.reinstate(username: username)
                        print("\(username) may log in again.")
                    } else {
                        try await accounts.suspend(username: username)
                        print("\(username) is suspended.")
                    }
                }
            }
        }
    }
}
