import Foundation

/// One running trial, as others see it: they stop it with a reason, it tells how far it is. The
/// first reason wins.
final class TrialControl {
    /// Ten progress events a second; the contract allows 50.
    private static let progressEveryNs: Int64 = 100_000_000

    private let condition = NSCondition()
    private var reason: Refusal?
    private let emit: (String, Double) -> Void
    private var lastStage = ""
    private var lastEmitNs: Int64 = 0

    /// `emit` is called on the trial's own thread, never on the audio thread.
    init(emit: @escaping (String, Double) -> Void) {
        self.emit = emit
    }

    /// From any thread: end the trial; it is then refused for this reason.
    func stop(_ why: Refusal) {
        condition.lock()
        if reason == nil {
            reason = why
        }
        condition.broadcast()
        condition.unlock()
    }

    var isStopped: Bool {
        condition.lock()
        defer { condition.unlock() }
        return reason != nil
    }

    /// Throws the reason when somebody ended the trial.
    func check() throws {
        condition.lock()
        defer { condition.unlock() }
        if let why = reason {
            throw why
        }
    }

    /// Waits, but not a moment longer than the trial lives; throws the reason.
    func sleep(_ seconds: Double) throws {
        let end = Date(timeIntervalSinceNow: seconds)
        condition.lock()
        while reason == nil && condition.wait(until: end) {
            continue
        }
        condition.unlock()
        try check()
    }

    /// Tells the host, at most ten times a second and at every new stage.
    func progress(_ stage: String, _ fraction: Double) {
        let now = cp_now_ns()
        if stage == lastStage && now - lastEmitNs < TrialControl.progressEveryNs {
            return
        }
        lastStage = stage
        lastEmitNs = now
        emit(stage, fraction)
    }
}
