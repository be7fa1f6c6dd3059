import Foundation

/// Whether the app is on the screen, and what becomes of a trial when it leaves.
final class Presence {
    private let lock = NSLock()
    private var isInFront = false
    private var control: TrialControl?
    private var mayLeave = false
    private var leftNs: Int64 = 0
    private var cameNs: Int64 = 0
    private var background: BackgroundTime?

    /// On the main thread, before anything is seen: what is kept awake for a host.
    func stayAwake(by background: BackgroundTime) {
        self.background = background
    }

    /// From the main thread. An alert or the control centre on top is no leaving.
    func seen(inFront now: Bool) {
        lock.lock()
        isInFront = now
        if !now && leftNs == 0 && control != nil {
            leftNs = cp_now_ns()
        } else if now && leftNs != 0 && cameNs == 0 {
            cameNs = cp_now_ns()
        }
        let ended = now || mayLeave ? nil : control
        lock.unlock()
        if now {
            background?.end()
        } else {
            background?.begin()
        }
        ended?.stop(Refusal(code: CP_BACKGROUND, text: "another app came in front of the probe"))
    }

    /// The start of the app and the first trial may cross: waits for the screen a moment.
    func enter(_ control: TrialControl, mayLeave: Bool) throws {
        var waited = 0.0
        while !take(control, mayLeave) {
            if waited >= 1.5 {
                throw Refusal(
                    code: CP_BACKGROUND, text: "the probe is not in front on the phone's screen")
            }
            try control.sleep(0.05)
            waited += 0.05
        }
    }

    /// Looks and takes it in one go: a departure in between would go unnoticed.
    private func take(_ control: TrialControl, _ mayLeave: Bool) -> Bool {
        lock.lock()
        defer { lock.unlock() }
        if isInFront {
            self.control = control
            self.mayLeave = mayLeave
            leftNs = 0
            cameNs = 0
        }
        return isInFront
    }

    /// The sound of a trial ends, which kept the app awake: what came of it is still to be sent.
    func outlast() {
        lock.lock()
        let isAway = !isInFront
        lock.unlock()
        if isAway {
            background?.begin()
        }
    }

    func leave() {
        lock.lock()
        control = nil
        lock.unlock()
    }

    /// Into the object `observed`: the first departure and the first return.
    func observe(_ out: ObservedWriter, zeroNs: Int64) {
        lock.lock()
        defer { lock.unlock() }
        if leftNs != 0 {
            out.put("left_front_ms", "\((leftNs - zeroNs) / 1_000_000)")
        }
        if cameNs != 0 {
            out.put("came_front_ms", "\((cameNs - zeroNs) / 1_000_000)")
        }
    }
}
