import SwiftUI
import UIKit

/// The app: one server as long as the process lives.
@main
struct ProbeApp: App {
    @UIApplicationDelegateAdaptor(ProbeDelegate.self) private var delegate

    var body: some Scene {
        WindowGroup {
            ProbeScreen(status: delegate.status)
        }
    }
}

/// Starts everything, and hears whether the app is in front.
final class ProbeDelegate: NSObject, UIApplicationDelegate {
    let status = ProbeStatus()
    private let presence = Presence()
    private var server: ProbeServer?
    private var tokens: [NSObjectProtocol] = []

    func application(
        _ application: UIApplication,
        didFinishLaunchingWithOptions options: [UIApplication.LaunchOptionsKey: Any]? = nil
    ) -> Bool {
        #if targetEnvironment(simulator)
            status.refuseSimulator()
        #else
            UIDeviceFacts.read()
            Health.begin()
            let server = ProbeServer(
                launch: Launch(), device: Device(presence: presence), status: status)
            self.server = server
            presence.stayAwake(by: BackgroundTime(application) { server.sleep() })
            hear(UIApplication.didBecomeActiveNotification) { $0.cameToFront() }
            hear(UIApplication.didEnterBackgroundNotification) { $0.leftFront() }
            server.start() // also while the microphone's dialog is up
            Microphone.ask { @Sendable [status] in status.microphoneAnswered($0) }
        #endif
        return true
    }

    /// Lives as long as the process; the system tells both on the main thread.
    private func hear(
        _ name: Notification.Name, _ heard: @escaping @MainActor (ProbeDelegate) -> Void
    ) {
        tokens.append(
            NotificationCenter.default.addObserver(forName: name, object: nil, queue: nil) {
                [self] _ in MainActor.assumeIsolated { heard(self) }
            })
    }

    private func leftFront() {
        presence.seen(inFront: false)
    }

    private func cameToFront() {
        UIApplication.shared.isIdleTimerDisabled = true // a dark screen ends the trial
        presence.seen(inFront: true)
        server?.start()
        let scenes = UIApplication.shared.connectedScenes.compactMap { $0 as? UIWindowScene }
        if let window = scenes.flatMap({ $0.windows }).first {
            SystemVolume.install(in: window)
        }
    }
}
