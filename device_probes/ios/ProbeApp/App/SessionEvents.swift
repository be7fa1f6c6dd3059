import AVFoundation

/// What the system does to the audio session while a trial runs: it ends the trial, or is noted.
final class SessionEvents {
    private let control: TrialControl
    private let lock = NSLock()
    private var tokens: [NSObjectProtocol] = []
    private var routeAtBegin: String?
    private var mayMove = false
    private var routeChanges = 0
    private var interruptions = 0
    private var notes: [String] = []

    init(control: TrialControl) {
        self.control = control
        listen(AVAudioSession.interruptionNotification) { [weak self] in self?.interrupted($0) }
        listen(AVAudioSession.routeChangeNotification) { [weak self] in self?.rerouted($0) }
        listen(AVAudioSession.mediaServicesWereLostNotification) { [weak self] _ in
            self?.control.stop(.streamLost("the system's media services were lost"))
        }
        listen(AVAudioSession.mediaServicesWereResetNotification) { [weak self] _ in
            self?.control.stop(.streamLost("the system's media services were reset"))
        }
    }

    private func listen(
        _ name: Notification.Name, _ heard: @escaping @Sendable (Notification) -> Void
    ) {
        tokens.append(
            NotificationCenter.default.addObserver(
                forName: name, object: nil, queue: nil, using: heard))
    }

    /// Nothing is heard any more.
    func end() {
        tokens.forEach { NotificationCenter.default.removeObserver($0) }
        tokens = []
    }

    /// The streams run: from now on a device that changes under them ends the trial.
    func begin() {
        lock.lock()
        routeAtBegin = Routes.describe()
        lock.unlock()
    }

    /// The host is about to move the streams itself: that is no fault any more.
    func letMove() {
        lock.lock()
        mayMove = true
        lock.unlock()
    }

    private func interrupted(_ heard: Notification) {
        let raw = heard.userInfo?[AVAudioSessionInterruptionTypeKey] as? UInt ?? 0
        lock.lock()
        interruptions += 1
        lock.unlock()
        if AVAudioSession.InterruptionType(rawValue: raw) == .began {
            let who = "a call, an alarm, another app"
            control.stop(.streamLost("the system interrupted the sound: \(who)"))
        } else {
            note("an interruption ended")
        }
    }

    private func rerouted(_ heard: Notification) {
        let reason = heard.userInfo?[AVAudioSessionRouteChangeReasonKey] as? UInt ?? 0
        let now = Routes.describe()
        lock.lock()
        routeChanges += 1
        let before = routeAtBegin
        let isMoved = before != nil && before != now && !mayMove
        lock.unlock()
        if isMoved {
            control.stop(.streamLost("the route moved from \(before ?? "") to \(now)"))
        } else {
            note("route change, reason \(reason): \(now)")
        }
    }

    private func note(_ text: String) {
        lock.lock()
        notes.append(text)
        lock.unlock()
    }

    /// Into the object `observed`.
    func observe(_ out: ObservedWriter) {
        lock.lock()
        defer { lock.unlock() }
        out.put("route_changes", "\(routeChanges)")
        out.put("interruptions", "\(interruptions)")
    }

    var allNotes: [String] {
        lock.lock()
        defer { lock.unlock() }
        return notes
    }
}
