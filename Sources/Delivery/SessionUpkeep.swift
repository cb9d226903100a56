package import Accounts
package import Logging
import ServiceLifecycle

/// What is done now and then for device sessions, as long as a server runs: those whose sessions have ended are let go,
/// and so is what has been kept long enough.
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

    /// Until the task is cancelled or a graceful shutdown begins.
    package func run() async throws {
        async let audited: Void = audit.run()
        async let watched: Void = watch.run()
        async let cleared: Void = clearance.run()
        try await audited
        try await watched
        try await cleared
    }
}
