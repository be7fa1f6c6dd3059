import AVFoundation

/// The report of a trial that ended well.
enum TrialReport {
    private static let maxNotes = CP_MAX_NOTES

    /// What is told beside the timeline.
    struct Context {
        let request: Request
        let granted: AudioSetup.Granted
        let events: SessionEvents
        let acts: Acts
        let presence: Presence
    }

    /// The whole frame `result`.
    static func write(_ trial: Trial, _ context: Context) -> FrameWriter {
        FrameWriter { writer in
            cp_report_begin(writer, BuildInfo.version)
            streams(writer, trial, context)
            trial.writeTimeline(into: writer)
            effects(writer, trial, context)
            observed(writer, trial, context)
            Health.write(into: writer)
            if #available(iOS 17.0, *) {
                cp_write_flag(writer, "input_silenced", AVAudioApplication.shared.isInputMuted)
            }
            notes(writer, trial, context)
            let isInt16 = cp_is_sent_as_int16(trial.recordingFrames, trial.granted.input_channels)
            cp_report_end(writer, isInt16 ? "int16" : "float32", trial.recordingFrames)
        }
    }

    private static func streams(_ writer: OpaquePointer, _ trial: Trial, _ context: Context) {
        let inputs = AVAudioSession.sharedInstance().currentRoute.inputs
        let input = inputs.first.map { Routes.word(of: $0.portType) ?? "builtin_mic" } ?? "unknown"
        context.granted.route.withCString { route in
            var out = cp_stream()
            out.rate_hz = trial.rateHz
            out.channels = trial.granted.output_channels
            out.burst_frames = context.granted.bufferFrames
            out.buffer_frames = context.granted.bufferFrames
            out.route = route
            cp_report_stream(writer, "output", &out)
        }
        input.withCString { route in
            var into = cp_stream()
            into.rate_hz = trial.rateHz
            into.channels = trial.granted.input_channels
            into.burst_frames = context.granted.bufferFrames
            into.route = route
            cp_report_stream(writer, "input", &into)
        }
    }

    /// The unit cancels echo and suppresses noise together; what it read back is told. Without it
    /// no echo is cancelled, but only the mode `measurement` keeps the system's own processing of
    /// the microphone to the least there is: in the others nobody says what it does.
    private static func effects(_ writer: OpaquePointer, _ trial: Trial, _ context: Context) {
        let isMeasurement = Int(context.request.mode) == CP_MODE_MEASUREMENT
        var echo = "off"
        var noise = isMeasurement ? "off" : "unknown"
        var level = noise
        if context.request.isVoice {
            let isBypassed = trial.granted.bypass == 1
            echo = state(trial.granted.bypass, on: 0)
            noise = echo
            level = isBypassed ? "off" : state(trial.granted.agc, on: 1)
        }
        cp_write_object(writer, "effects")
        cp_report_effect(writer, "aec", echo)
        cp_report_effect(writer, "ns", noise)
        cp_report_effect(writer, "agc", level)
        cp_write_end(writer)
    }

    /// The word of a property as it was read back.
    private static func state(_ granted: Int32, on: Int32) -> String {
        granted < 0 ? "unknown" : granted == on ? "on" : "off"
    }

    private static func observed(_ writer: OpaquePointer, _ trial: Trial, _ context: Context) {
        let session = AVAudioSession.sharedInstance()
        cp_write_object(writer, "observed")
        let out = ObservedWriter(writer, taken: trial.writeObserved(into: writer))
        let zeroNs = trial.status.zero_ns
        context.acts.observe(out, zeroNs: zeroNs)
        context.presence.observe(out, zeroNs: zeroNs)
        context.events.observe(out)
        out.put("api", context.request.api)
        out.put("render_errors", "\(trial.counts.render_errors)")
        out.put("last_render_error", "\(trial.counts.last_render_error)")
        out.put("oversized_buffers", "\(trial.counts.oversized)")
        out.put("session_mode", String(cString: cp_mode_word(context.request.mode)))
        out.put("session_mode_granted", session.mode.rawValue)
        out.put("session_category", session.category.rawValue)
        out.put("session_options", "\(session.categoryOptions.rawValue)")
        out.put("requested_rate_hz", "\(context.request.rateHz)")
        out.milliseconds("requested_io_buffer_ms", context.granted.requestedBufferS)
        out.milliseconds("io_buffer_ms", session.ioBufferDuration)
        out.milliseconds("session_output_latency_ms", session.outputLatency)
        out.milliseconds("session_input_latency_ms", session.inputLatency)
        out.put("output_volume", String(format: "%.4f", session.outputVolume))
        out.put("output_device", Routes.name(session.currentRoute.outputs))
        out.put("input_device", Routes.name(session.currentRoute.inputs))
        out.put("input_data_source", session.inputDataSource?.dataSourceName)
        out.put("output_data_source", session.outputDataSource?.dataSourceName)
        out.put("polar_pattern", session.inputDataSource?.selectedPolarPattern?.rawValue)
        out.put("hardware_input_channels", "\(session.inputNumberOfChannels)")
        out.put("hardware_output_channels", "\(session.outputNumberOfChannels)")
        out.put("other_audio_playing", "\(session.isOtherAudioPlaying)")
        if session.isInputGainSettable {
            out.put("input_gain", String(format: "%.4f", session.inputGain))
        }
        out.put("microphone_mode", "\(AVCaptureDevice.activeMicrophoneMode.rawValue)")
        if context.request.isVoice {
            unit(out, trial.granted)
        }
        cp_write_end(writer)
    }

    /// The voice-processing unit's properties as they were read back; -1 for one it does not tell.
    private static func unit(_ out: ObservedWriter, _ granted: cp_io_granted) {
        out.put("bypass", "\(granted.bypass)")
        out.put("agc", "\(granted.agc)")
        out.put("ducking_level", "\(granted.ducking)")
    }

    private static func notes(_ writer: OpaquePointer, _ trial: Trial, _ context: Context) {
        var texts = context.events.allNotes
        if context.request.isVoice {
            texts.insert("iOS cancels echo and suppresses noise in one unit", at: 0)
        }
        if trial.granted.input_channels < context.request.inputChannels {
            texts.insert("the input has \(trial.granted.input_channels) channels", at: 0)
        }
        cp_write_list(writer, "notes")
        for text in texts.prefix(maxNotes) {
            cp_write_text(writer, nil, text, Int32(CP_MAX_NOTE_CHARS))
        }
        cp_write_end(writer)
    }
}
