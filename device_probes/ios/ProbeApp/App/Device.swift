import AVFoundation

/// The phone as a probe: one trial at a time, given back as it was found.
final class Device {
    private static let tickSeconds = 0.05

    private let setup = AudioSetup()
    private let presence: Presence
    private let lock = NSLock()
    /// Of the trial that runs and may be acted upon.
    private var acts: Acts?
    private var sounds = false

    init(presence: Presence) {
        self.presence = presence
    }

    func writeFacts(into writer: OpaquePointer) {
        Facts.write(into: writer)
    }

    /// From the session's thread; ignored when no trial runs.
    func act(_ action: String, _ value: String) {
        lock.lock()
        let open = acts
        lock.unlock()
        open?.take(action, value)
    }

    /// The host has gone, and no trial runs any more.
    func restore() {
        setup.restore()
    }

    /// Opens fresh streams, warms up, plays and records; throws a `Refusal`.
    func run(
        _ r: Request, rateHz: Int32, sounds: [cp_sound], control: TrialControl
    ) throws -> TrialResult {
        control.progress(CP_STAGE_OPENING, 0)
        try Microphone.demand()
        try presence.enter(control, mayLeave: r.continuesInBackground)
        defer { presence.leave() }
        let events = SessionEvents(control: control)
        defer { events.end() }
        let open = Acts(events: events)
        setActs(open)
        let load = CpuLoad(threads: r.cpuThreads, share: r.cpuLoad)
        defer {
            setActs(nil)
            open.end() // before anything is given back that it could change again
            load.stop()
            setup.restore()
        }
        let beganNs = cp_now_ns()
        let granted = try setup.enter(r, control: control)
        if granted.rateHz != rateHz {
            throw Refusal(
                code: CP_RATE_DIFFERS, text: "the output opens at \(granted.rateHz) Hz",
                grantedRateHz: granted.rateHz)
        }
        let trial = try Trial(r, granted: granted, sounds: sounds, beganNs: beganNs)
        defer { trial.close() }
        try trial.start()
        events.begin()
        defer { setup.releaseVolume() }
        try setup.holdVolume(r, control: control)
        try watch(trial, control: control)
        open.end()
        try trial.stop()
        try control.check()
        let context = TrialReport.Context(
            request: r, granted: granted, events: events, acts: open, presence: presence)
        return trial.result(TrialReport.write(trial, context))
    }

    /// Whether the streams of a trial run: then the app is awake wherever it is.
    var isSounding: Bool {
        lock.lock()
        defer { lock.unlock() }
        return sounds
    }

    private func setSounds(_ now: Bool) {
        lock.lock()
        sounds = now
        lock.unlock()
    }

    private func setActs(_ open: Acts?) {
        lock.lock()
        acts = open
        lock.unlock()
    }

    private func watch(_ trial: Trial, control: TrialControl) throws {
        setSounds(true)
        defer {
            presence.outlast()
            setSounds(false)
        }
        while true {
            switch Int(trial.look()) {
            case CP_FINISHED:
                control.progress(CP_STAGE_PLAYING, 1)
                return
            case CP_DEAF:
                throw Refusal.streamLost("the microphone gives no frames")
            case CP_STALLED:
                throw Refusal.streamLost("the streams stand still for 4 s")
            default:
                let stage = trial.isWarming ? CP_STAGE_WARMING : CP_STAGE_PLAYING
                control.progress(stage, trial.fraction)
                try control.sleep(Device.tickSeconds)
            }
        }
    }
}
