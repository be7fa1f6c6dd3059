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

    func application(
        _ application: UIApplication,
        didFinishLaunchingWithOptions options: [UIApplication.LaunchOptionsKey: Any]? = nil
    ) -> Bool {
        #if targetEnvironment(simulator)
            status.refuseSimulator()
        #else
            application.isIdleTimerDisabled = true // a dark screen ends the trial
            UIDeviceFacts.read()
            Health.begin()
            server = ProbeServer(
                launch: Launch(), device: Device(presence: presence), status: status)
            hear(UIApplication.didBecomeActiveNotification, #selector(cameToFront))
            hear(UIApplication.didEnterBackgroundNotification, #selector(leftFront))
            Microphone.ask { [status] in status.microphoneAnswered($0) }
        #endif
        return true
    }

    private func hear(_ name: Notification.Name, _ heard: Selector) {
        NotificationCenter.default.addObserver(self, selector: heard, name: name, object: nil)
    }

    @objc private func leftFront() {
        presence.seen(inFront: false)
    }

    @objc private func cameToFront() {
        presence.seen(inFront: true)
        server?.start()
        let scenes = UIApplication.shared.connectedScenes.compactMap { $0 as? UIWindowScene }
        if let window = scenes.flatMap({ $0.windows }).first {
            SystemVolume.install(in: window)
        }
    }
}
