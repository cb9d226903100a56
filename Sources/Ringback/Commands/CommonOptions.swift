import ArgumentParser
import Foundation

/// The options of every command that opens the database.
struct DatabaseOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The database: sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME. (default: sqlite:data/ringback.sqlite)",
            valueName: "url"))
    var database: String?

    @Option(help: ArgumentHelp("A JSON file with settings.", valueName: "file"))
    var config: String?

    /// The settings that result from these options and others, the environment and the file.
    ///
    /// Invalid ones end the program with one line and exit code 78 (EX_CONFIG of sysexits.h), before anything is
    /// started.
    func settings(_ flags: [String: String?] = [:]) async throws -> Settings {
        var given = flags.compactMapValues(\.self)
        given["database"] = database
        do {
            return try await Settings.load(
                flags: given, environment: ProcessInfo.processInfo.environment,
                file: config ?? ProcessInfo.processInfo.environment["RINGBACK_CONFIG"])
        } catch {
            throw Failure(.configuration, error.description)
        }
    }
}

/// Ends the program with a line for people and an exit code of sysexits.h.
struct Failure: Error {
    /// Why the program ends.
    enum Kind: Int32 {
        /// The input is wrong.
        case data = 65
        /// What it needs is not there.
        case unavailable = 69
        /// The configuration is wrong.
        case configuration = 78
    }

    let kind: Kind
    let message: String

    init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }

    /// Runs a command's body; a failure is reported as a line on standard error and its exit code.
    static func reported(_ body: () async throws -> Void) async throws {
        defer {
            LineWriter.standardOutput.flush()
            LineWriter.standardError.flush()
        }
        do {
            try await body()
        } catch let failure as Failure {
            LineWriter.standardError.write("ringback: \(failure.message)")
            throw ExitCode(failure.kind.rawValue)
        }
    }
}
