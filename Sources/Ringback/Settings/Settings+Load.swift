import Configuration
import Foundation
import Gateway
import Logging
import Outbox
import Primitives
import SignalingCore
import Storage
import SystemPackage

/// What is wrong with a configuration, in one line that says what to do.
struct SettingsError: Error, Equatable, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }

    /// An origin that no browser would ever send.
    static func notAnOrigin(_ text: String, in key: String) -> Self {
        Self(
            "\(key): “\(text)” is the origin of no page; write scheme, host and, where it is not the usual one, port, as "
                + "https://app.example, with nothing after it")
    }
}

extension Settings {
    /// Every configuration key. In a file the dots are nesting; in the environment `calls.ringSeconds` is
    /// `RINGBACK_CALLS_RING_SECONDS`.
    static let keys: Set<String> = Set(
        [
            "listen", "database", "tls.certificate", "tls.key", "tokenKeyFile", "node.idFile", "node.leaseSeconds",
            "password.cost", "accessTokenSeconds", "sessionSeconds", "calls.invitesPerMinute", "calls.screenSharing",
            "calls.participantLimit", "allowedOrigins", "publicOrigin", "eventLoops", "socketsPerAddress",
            "plainConnectionsPerAddress", "plainConnections", "publicHost", "stun.listen", "iceServers", "turn.urls",
            "turn.secret", "turn.secretFile", "turn.lifetimeSeconds", "echo.enabled", "webRoot", "log.level",
            "log.format",
            "webhooks.url", "webhooks.secret", "webhooks.giveUpSeconds", "push.url", "push.secret",
        ] + CallTimings.settings.map(\.name) + QuotaLimits.settings.map(\.name))

    /// Reads the settings: flags override the environment, the environment overrides the file, and the file overrides
    /// the defaults.
    ///
    /// - Parameters:
    ///   - flags: Values by key, as given on the command line.
    ///   - environment: The process's environment; names begin with `RINGBACK_`.
    ///   - file: The path of a JSON file, if there is one.
    static func load(flags: [String: String], environment: [String: String], file: String?) async throws(SettingsError)
        -> Settings
    {
        try check(environment)
        var sources: [SettingsSource] = [
            // Flags are texts, like the environment, and lists are written in the same way.
            SettingsSource(
                name: "the command line",
                variables: Dictionary(
                    uniqueKeysWithValues: flags.map { key, value in
                        (environmentName(key), value)
                    })),
            SettingsSource(name: "the environment", variables: environment),
        ]
        if let file {
            sources.append(SettingsSource(name: file, provider: try await read(file)))
        }
        return try Settings(sources)
    }

    /// Otherwise a misspelt name would be a setting without effect.
    private static func check(_ environment: [String: String]) throws(SettingsError) {
        let known = Set(keys.map(environmentName) + ["RINGBACK_CONFIG"])
        for name in environment.keys.sorted() where name.hasPrefix("RINGBACK_") && !known.contains(name) {
            // These are for builds and tests, not for servers.
            guard name != "RINGBACK_STRICT", !name.hasPrefix("RINGBACK_TEST_") else { continue }
            throw SettingsError("there is no setting \(name); `ringback serve --help` lists them")
        }
    }

    /// `RINGBACK_CALLS_RING_SECONDS` for `calls.ringSeconds`.
    static func environmentName(_ key: String) -> String {
        key.reduce(into: "RINGBACK_") { name, character in
            if character == "." {
                name += "_"
            } else {
                if character.isUppercase { name += "_" }
                name += character.uppercased()
            }
        }
    }

    private static func read(_ file: String) async throws(SettingsError) -> FileProvider<JSONSnapshot> {
        guard let data = FileManager.default.contents(atPath: file) else {
            throw SettingsError("the configuration file \(file) can't be read: check --config")
        }
        guard let object = try? JSONSerialization.jsonObject(with: data) as? [String: Any] else {
            throw SettingsError("the configuration file \(file) is not a JSON object")
        }
        for key in names(in: object) where !keys.contains(key) {
            throw SettingsError("\(file): there is no setting “\(key)”; `ringback serve --help` lists them")
        }
        do {
            return try await FileProvider<JSONSnapshot>(filePath: FilePath(file))
        } catch {
            throw SettingsError("the configuration file \(file) is not understood: \(error)")
        }
    }

    private static func names(in object: [String: Any], prefix: String = "") -> [String] {
        object.flatMap { key, value in
            (value as? [String: Any]).map { names(in: $0, prefix: "\(prefix)\(key).") } ?? ["\(prefix)\(key)"]
        }.sorted()
    }

    private init(_ sources: [SettingsSource]) throws(SettingsError) {
        let values = SettingsReader(sources: sources)
        self.init()
        listen = try values.address("listen") ?? listen
        database = try values.string("database").map { Redacted($0) } ?? database
        switch (try values.string("tls.certificate"), try values.string("tls.key")) {
        case (let certificate?, let key?): tls = TLSFiles(certificate: certificate, key: key)
        case (nil, nil): break
        case (_, nil): throw SettingsError("tls.certificate is given without tls.key: give both or neither")
        case (nil, _): throw SettingsError("tls.key is given without tls.certificate: give both or neither")
        }
        tokenKeyFile = try values.string("tokenKeyFile") ?? tokenKeyFile
        nodeFile = try values.string("node.idFile") ?? nodeFile
        nodeLease = try values.seconds("node.leaseSeconds", in: 1...3600) ?? nodeLease
        passwordCost = try values.integer("password.cost", in: 10...16) ?? passwordCost
        accessTokenLifetime = try values.seconds("accessTokenSeconds", in: 10...86_400) ?? accessTokenLifetime
        sessionLifetime = try values.seconds("sessionSeconds", in: 60...31_536_000) ?? sessionLifetime
        rules.screenSharing = try values.choice("calls.screenSharing") ?? rules.screenSharing
        rules.participantLimit = try values.integer("calls.participantLimit", in: 2...1000) ?? rules.participantLimit
        for (name, timing) in CallTimings.settings {
            if let span = try values.seconds(name, in: 1...604_800) { rules.timings[keyPath: timing] = span }
        }
        for (name, limit) in QuotaLimits.settings {
            if let count = try values.integer(name, in: 1...1_000_000_000_000) { quotas[keyPath: limit] = count }
        }
        invitesPerMinute = try values.integer("calls.invitesPerMinute", in: 1...100_000) ?? invitesPerMinute
        for text in try values.list("allowedOrigins") ?? [] {
            guard let origin = Origin(text) else { throw SettingsError.notAnOrigin(text, in: "allowedOrigins") }
            allowedOrigins.append(origin)
        }
        if let text = try values.string("publicOrigin") {
            guard let origin = Origin(text), ["http", "https"].contains(origin.scheme) else {
                throw SettingsError.notAnOrigin(text, in: "publicOrigin")
            }
            publicOrigin = origin
        }
        eventLoops = try values.integer("eventLoops", in: 1...1024)
        socketsPerAddress = try values.integer("socketsPerAddress", in: 1...1_000_000) ?? socketsPerAddress
        plainConnectionsPerAddress = try values.integer("plainConnectionsPerAddress", in: 1...1_000_000)
        plainConnections = try values.integer("plainConnections", in: 1...1_000_000) ?? plainConnections
        publicHost = try values.string("publicHost") ?? publicHost
        switch try values.string("stun.listen") {
        case nil, "auto": break
        case "off": stun = .off
        case _?: stun = try values.address("stun.listen").map { .at($0) } ?? stun
        }
        iceServers = try values.list("iceServers") ?? iceServers
        for text in iceServers {
            switch IceServerURL(text)?.kind {
            case .stun: break
            case .turn: throw SettingsError("iceServers: “\(text)” is a TURN server, which belongs into turn.urls")
            case nil: throw SettingsError("iceServers: “\(text)” is not understood; write stun:HOST:PORT")
            }
        }
        turn = try values.turnServers()
        echoes = try values.boolean("echo.enabled") ?? echoes
        webRoot = try values.string("webRoot") ?? webRoot
        webhooks = try values.endpoint("webhooks")
        webhookGiveUpAge = try values.seconds("webhooks.giveUpSeconds", in: 60...2_592_000) ?? webhookGiveUpAge
        push = try values.endpoint("push")
        logLevel = try values.choice("log.level") ?? logLevel
        logFormat = try values.choice("log.format") ?? logFormat
    }
}

/// One source of settings, with its name for error messages.
private struct SettingsSource {
    let name: String
    let provider: any ConfigProvider

    init(name: String, provider: any ConfigProvider) {
        self.name = name
        self.provider = provider
    }

    /// Makes a source from environment variables.
    init(name: String, variables: [String: String]) {
        let provider = EnvironmentVariablesProvider(environmentVariables: variables)
        self.init(name: name, provider: provider.prefixKeys(with: "ringback"))
    }
}

/// Asks the sources in order; the first that has a key is used.
private struct SettingsReader {
    let sources: [SettingsSource]

    private func value(_ key: String, _ type: ConfigType, _ wanted: String) throws(SettingsError)
        -> (content: ConfigContent, source: String)?
    {
        let absolute = AbsoluteConfigKey(key.split(separator: ".").map(String.init))
        for source in sources {
            do {
                if let found = try source.provider.value(forKey: absolute, type: type).value {
                    return (found.content, source.name)
                }
            } catch {
                throw SettingsError("\(key) in \(source.name) must be \(wanted)")
            }
        }
        return nil
    }

    func string(_ key: String) throws(SettingsError) -> String? {
        guard case .string(let text)? = try value(key, .string, "a text")?.content else { return nil }
        return text
    }

    func list(_ key: String) throws(SettingsError) -> [String]? {
        guard case .stringArray(let texts)? = try value(key, .stringArray, "a list of texts")?.content else {
            return nil
        }
        return texts
    }

    func integer(_ key: String, in range: ClosedRange<Int>) throws(SettingsError) -> Int? {
        let wanted = "a whole number from \(range.lowerBound) to \(range.upperBound)"
        guard let (content, source) = try value(key, .int, wanted) else { return nil }
        guard case .int(let number) = content, range.contains(number) else {
            throw SettingsError("\(key) in \(source) must be \(wanted)")
        }
        return number
    }

    func boolean(_ key: String) throws(SettingsError) -> Bool? {
        guard case .bool(let flag)? = try value(key, .bool, "true or false")?.content else { return nil }
        return flag
    }

    func seconds(_ key: String, in range: ClosedRange<Int>) throws(SettingsError) -> Instant.Span? {
        try integer(key, in: range).map { .seconds(Int64($0)) }
    }

    func address(_ key: String) throws(SettingsError) -> HostAndPort? {
        guard let (content, source) = try value(key, .string, "HOST:PORT") else { return nil }
        guard case .string(let text) = content, let address = HostAndPort(text) else {
            throw SettingsError("\(key) in \(source) must be HOST:PORT, as 127.0.0.1:8080")
        }
        return address
    }

    /// A service of the operator, from `KEY.url` and `KEY.secret`.
    func endpoint(_ key: String) throws(SettingsError) -> OutboxSettings.Endpoint? {
        guard let url = try string("\(key).url") else {
            guard try string("\(key).secret") == nil else {
                throw SettingsError("\(key).secret is given without \(key).url: give both or neither")
            }
            return nil
        }
        // Neither is quoted: a path can be a secret as well.
        guard let parts = URLComponents(string: url), ["http", "https"].contains(parts.scheme?.lowercased()),
            parts.host?.isEmpty == false, parts.user == nil, parts.fragment == nil
        else {
            throw SettingsError("\(key).url must be http://HOST/… or https://HOST/…, without a user name")
        }
        guard let secret = try string("\(key).secret"), secret.utf8.count >= OutboxSettings.leastSecretLength else {
            throw SettingsError(
                "\(key).url needs \(key).secret, of at least \(OutboxSettings.leastSecretLength) bytes, with which "
                    + "requests are signed: make one with `openssl rand -hex 32`, give it in "
                    + "\(Settings.environmentName("\(key).secret")), and tell it to the receiver")
        }
        return OutboxSettings.Endpoint(url: Redacted(url), secret: Redacted(secret))
    }

    func choice<Choice: RawRepresentable<String> & CaseIterable>(_ key: String) throws(SettingsError) -> Choice? {
        let wanted = "one of " + Choice.allCases.map(\.rawValue).joined(separator: ", ")
        guard let (content, source) = try value(key, .string, wanted) else { return nil }
        guard case .string(let text) = content, let choice = Choice(rawValue: text) else {
            throw SettingsError("\(key) in \(source) must be \(wanted)")
        }
        return choice
    }
}

extension SettingsReader {
    /// The TURN servers; nil when none is configured.
    func turnServers() throws(SettingsError) -> TURNServers? {
        let urls = try list("turn.urls") ?? []
        for text in urls {
            switch IceServerURL(text)?.kind {
            case .turn: break
            case .stun: throw SettingsError("turn.urls: “\(text)” is a STUN server, which belongs into iceServers")
            case nil:
                throw SettingsError(
                    "turn.urls: “\(text)” is not understood; write turn:HOST:PORT, turns:HOST:PORT, and at the end "
                        + "?transport=udp or ?transport=tcp where it matters")
            }
        }
        let secret = try turnSecret()
        let lifetime = try seconds("turn.lifetimeSeconds", in: 300...604_800)
        switch (urls.isEmpty, secret) {
        case (true, nil): return nil
        case (false, nil): throw SettingsError("turn.urls is given without turn.secret or turn.secretFile")
        case (true, _): throw SettingsError("a secret for TURN servers is given without turn.urls")
        case (false, let secret?):
            var servers = TURNServers(urls: urls, secret: secret)
            if let lifetime { servers.lifetime = lifetime }
            return servers
        }
    }

    private func turnSecret() throws(SettingsError) -> Redacted<String>? {
        let name: String
        var text: String
        switch (try string("turn.secret"), try string("turn.secretFile")) {
        case (nil, nil): return nil
        case (_?, _?): throw SettingsError("turn.secret and turn.secretFile are both given: give one of them")
        case (let secret?, nil): (name, text) = ("turn.secret", secret)
        case (nil, let path?):
            name = "turn.secretFile \(path)"
            guard let data = FileManager.default.contents(atPath: path) else {
                throw SettingsError("turn.secretFile: \(path) can't be read")
            }
            text = String(decoding: data, as: UTF8.self)
            // The newline that every editor leaves is not part of it; String treats CRLF as one character.
            if text.last?.isNewline == true { text.removeLast() }
        }
        guard (1...1024).contains(text.utf8.count), !text.contains(where: { $0.isNewline || $0 == "\0" }) else {
            throw SettingsError("\(name) must be one line of at most 1024 bytes, as the TURN server has it")
        }
        return Redacted(text)
    }
}
