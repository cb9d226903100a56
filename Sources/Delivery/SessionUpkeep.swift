package import Accounts
package import Logging
import ServiceLifecycle

/// Regular upkeep of device sessions while a server runs: those whose sessions have ended are dropped, and so are
/// events that are too old.
package struct SessionUpkeep: Service {
    private let audit: SessionAudit
    private let watch: RevocationWatch
    private let clearance: ReplayClearance

    /// Looks after the device sessions of a registry.
    package init(registry: SessionRegistry, accounts: AccountService, logger: Logger) {
        audit = SessionAudit(registry: registry, accounts: accounts, logger: logger)
        watch = RevocationWatch(registry: registry, accounts: accounts)
        clearance = ReplayClearance(registry: registry)
    }

    /// Runs until the task is cancelled or a graceful shutdown begins.
    package func run() async throws {
        async let audited: Void = audit.run()
        async let watched: Void = watch.run()
        async let cleared: Void = clearance.run()
        try await audited
        try await watched
        try await cleared
    }
}
