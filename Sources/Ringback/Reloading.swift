import Foundation
import Gateway
import Logging
import ServiceLifecycle
import UnixSignals

/// Applies what may change while the server runs, on SIGHUP: the certificate with its key, and the log level.
struct Reloading: Service {
    /// The settings of the start.
    let settings: Settings
    /// Reads the settings again.
    let load: @Sendable () async throws -> Settings
    let threshold: LogThreshold
    let gateway: Gateway
    let logger: Logger

    func run() async throws {
        let signals = await UnixSignalsSequence(trapping: .sighup)
        for await _ in signals.cancelOnGracefulShutdown() { await reload() }
        // From here on SIGHUP is ignored: a new certificate is used from the next start on.
        withExtendedLifetime(signals) { _ = signal(SIGHUP, SIG_IGN) }
    }

    private func reload() async {
        let fresh: Settings
        do {
            fresh = try await load()
        } catch {
            logger.error("settings stay as they are", metadata: ["error": "\(Self.words(for: error))"])
            return
        }
        threshold.level = fresh.logLevel
        if settings.tls != nil, fresh.tls != nil {
            do {
                if let tls = try TLS.configuration(fresh.tls) { try gateway.replaceCertificates(tls) }
            } catch {
                logger.error("the certificate stays as it is", metadata: ["error": "\(Self.words(for: error))"])
                return
            }
        }
        logger.notice("reloaded", metadata: ["log.level": "\(fresh.logLevel)"])
        if fresh.needsStart(after: settings) {
            logger.warning("some changed settings need a restart")
        }
    }

    private static func words(for error: any Error) -> String {
        (error as? Failure)?.message ?? "\(error)"
    }
}

extension Settings {
    /// Whether more has changed than a running server applies.
    func needsStart(after old: Settings) -> Bool {
        var taken = self
        taken.logLevel = old.logLevel
        if tls != nil, old.tls != nil { taken.tls = old.tls }
        return taken != old
    }
}
