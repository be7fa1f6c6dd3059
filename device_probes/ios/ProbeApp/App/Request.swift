/// One configuration as the host asks for it, copied out of the core: its texts live only until the
/// next message.
struct Request {
    let api: String
    let isVoice: Bool
    let mode: Int32
    let route: Int32
    let rateHz: Int32
    let outputChannels: Int32
    let inputChannels: Int32
    /// 0 = left to the system.
    let bufferBursts: Int32
    let bufferFrames: Int32
    /// Negative = leave it alone.
    let volume: Double
    let aec: Int32
    let agc: Int32
    let warmupS: Double
    let durationS: Double
    let cpuLoad: Double
    let cpuThreads: Int32
    let continuesInBackground: Bool

    init(_ asked: cp_request) {
        var r = asked
        isVoice = cp_words_is_voice(&r)
        api = isVoice ? CP_API_VOICE_PROCESSING : CP_API_REMOTE_IO
        mode = cp_words_mode(&r)
        route = cp_route_of(r.route)
        rateHz = r.rate_hz
        outputChannels = r.output_channels
        inputChannels = r.input_channels
        bufferBursts = r.buffer_bursts
        bufferFrames = r.buffer_frames
        volume = r.volume
        aec = r.aec
        agc = r.agc
        warmupS = r.warmup_s
        durationS = r.duration_s
        cpuLoad = r.cpu_load
        cpuThreads = r.cpu_threads
        continuesInBackground = r.continues_in_background
    }
}
