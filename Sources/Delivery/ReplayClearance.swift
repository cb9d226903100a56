import ServiceLifecycle

/// Regularly removes events that have become too old to be sent again.
///
/// Events that are too old are never sent again in any case; this frees the memory of devices that get no events.
struct ReplayClearance: Service {
    static let interval = Duration.seconds(10)

    let registry: SessionRegistry

    func run() async throws {
        try? await cancelWhenGracefulShutdown {
            while true {
                try await Task.sleep(for: Self.interval)
                registry.forgetOld()
            }
        }
    }
}
