import UIKit

/// The time that iOS gives an app which has left the screen and sounds no more, some 30 s: a host
/// still gets its answers. Afterwards the app sleeps, and what it is sent waits unread.
final class BackgroundTime: @unchecked Sendable {
    private let application: UIApplication
    private let onOver: @Sendable () -> Void
    private let lock = NSLock()
    private var task = UIBackgroundTaskIdentifier.invalid

    /// On the main thread. `onOver`: a moment is left before the app sleeps.
    init(_ application: UIApplication, onOver: @escaping @Sendable () -> Void) {
        self.application = application
        self.onOver = onOver
    }

    /// Begins anew; from any thread.
    func begin() {
        replace(
            application.beginBackgroundTask(withName: "chirpbench") { [weak self] in
                self?.onOver()
                self?.end()
            })
    }

    /// It is not needed any more. iOS kills an app that keeps it.
    func end() {
        replace(.invalid)
    }

    private func replace(_ new: UIBackgroundTaskIdentifier) {
        lock.lock()
        let old = task
        task = new
        lock.unlock()
        if old != .invalid {
            application.endBackgroundTask(old)
        }
    }
}
