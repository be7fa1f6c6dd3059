import AVFoundation

/// One I/O unit on one timeline, from opening to closing. Of the trial's own thread.
final class Trial {
    let granted: cp_io_granted
    let rateHz: Int32
    let recordingFrames: Int64

    private let io: OpaquePointer
    private let timeline: OpaquePointer
    private var isStuck = false
    private var isHandedOver = false

    /// Throws a refusal when the unit does not open.
    init(
        _ r: Request, granted session: AudioSetup.Granted, sounds: [cp_sound], beganNs: Int64
    ) throws {
        let wanted = Trial.wanted(r, session)
        var got = cp_io_granted()
        let opened = try Trial.open(wanted, &got)
        var plan = Trial.plan(r, session, got, beganNs)
        guard let made = cp_duplex_new(&plan, sounds, Int32(sounds.count)) else {
            cp_io_close(opened)
            throw Refusal(
                code: CP_TOO_LARGE,
                text: "the recording is too large for the contract or for the phone's memory")
        }
        io = opened
        timeline = made
        granted = got
        rateHz = session.rateHz
        recordingFrames = plan.recording_frames
        cp_duplex_opened(made, cp_now_ns())
    }

    private static func wanted(_ r: Request, _ session: AudioSetup.Granted) -> cp_io_plan {
        var wanted = cp_io_plan()
        wanted.is_voice = r.isVoice
        wanted.rate_hz = session.rateHz
        wanted.output_channels = r.outputChannels
        wanted.input_channels = min(r.inputChannels, session.inputChannels)
        wanted.bypass = Int(r.aec) == CP_DEFAULT ? Int32(CP_LEAVE) : Int(r.aec) == CP_OFF ? 1 : 0
        wanted.agc = Int(r.agc) == CP_DEFAULT ? Int32(CP_LEAVE) : Int(r.agc) == CP_ON ? 1 : 0
        wanted.ducking = leastDucking
        return wanted
    }

    private static func open(
        _ plan: cp_io_plan, _ got: inout cp_io_granted
    ) throws -> OpaquePointer {
        var wanted = plan
        guard let opened = cp_io_open(&wanted, &got) else {
            let step = got.failed_step.map { String(cString: $0) } ?? "the unit"
            throw Refusal.openFailed("\(step): status \(got.failed_status)")
        }
        return opened
    }

    private static func plan(
        _ r: Request, _ session: AudioSetup.Granted, _ got: cp_io_granted, _ beganNs: Int64
    ) -> cp_plan {
        let audio = AVAudioSession.sharedInstance()
        var plan = cp_plan()
        plan.rate_hz = session.rateHz
        plan.output_channels = got.output_channels
        plan.input_channels = got.input_channels
        plan.warmup_frames = cp_frames_of(r.warmupS, session.rateHz)
        plan.recording_frames = cp_frames_of(r.durationS, session.rateHz)
        plan.began_ns = beganNs
        plan.output_latency_ns = Int64(audio.outputLatency * 1e9)
        plan.input_latency_ns = Int64(audio.inputLatency * 1e9)
        return plan
    }

    /// kAUVoiceIOOtherAudioDuckingLevelMin: other apps' sound is lowered as little as iOS can.
    private static let leastDucking: Int32 = 10

    func start() throws {
        let status = cp_io_start(io, timeline)
        cp_duplex_started(timeline, cp_now_ns())
        if status != noErr {
            throw Refusal.openFailed("the unit does not start: status \(status)")
        }
    }

    func look() -> Int32 {
        cp_duplex_look(timeline, cp_now_ns())
    }

    var fraction: Double {
        cp_duplex_fraction(timeline, cp_now_ns())
    }

    var isWarming: Bool {
        Int(status.state) <= CP_WARMING
    }

    var status: cp_status {
        var now = cp_status()
        cp_duplex_status(timeline, &now)
        return now
    }

    var counts: cp_io_counts {
        var now = cp_io_counts()
        cp_io_counts_of(io, &now)
        return now
    }

    /// Ends the callbacks; what follows may read the timeline.
    func stop() throws {
        isStuck = !cp_io_stop(io)
        if isStuck {
            throw Refusal.streamLost("a callback of Core Audio does not return")
        }
    }

    /// The parts of a report that the core knows by itself.
    func writeTimeline(into writer: OpaquePointer) {
        cp_report_timeline(writer, timeline)
    }

    func writeObserved(into writer: OpaquePointer) -> Int32 {
        cp_report_observed(writer, timeline)
    }

    /// Hands the recording over.
    func result(_ header: FrameWriter) -> TrialResult {
        isHandedOver = true
        return TrialResult(
            header: header, timeline: timeline, frames: recordingFrames,
            channels: granted.input_channels)
    }

    func close() {
        if !isStuck && !cp_io_stop(io) {
            isStuck = true
        }
        if isStuck {
            return // the memory stays with the stuck callback
        }
        cp_io_close(io)
        if !isHandedOver {
            cp_duplex_free(timeline)
        }
    }
}
