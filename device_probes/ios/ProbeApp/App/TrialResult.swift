/// A trial that ended well: the frame `result`, and the samples as they travel.
final class TrialResult {
    let header: FrameWriter
    private let timeline: OpaquePointer
    private let frames: Int64
    private let channels: Int32
    private let isInt16: Bool

    /// Owns `timeline` from now on; it is quiet.
    init(header: FrameWriter, timeline: OpaquePointer, frames: Int64, channels: Int32) {
        self.header = header
        self.timeline = timeline
        self.frames = frames
        self.channels = channels
        isInt16 = cp_is_sent_as_int16(frames, channels)
    }

    /// Gives the samples piece by piece, with the place of each one's first byte.
    func eachPiece(_ give: (Int64, UnsafeRawBufferPointer) throws -> Void) throws {
        guard let samples = cp_duplex_recording(timeline) else {
            return
        }
        let width = isInt16 ? 2 : 4
        let count = Int(frames) * Int(channels)
        let most = CP_MAX_PAYLOAD_BYTES / width
        var whole = [Int16](repeating: 0, count: isInt16 ? most : 0)
        var at = 0
        while at < count {
            let now = min(most, count - at)
            if isInt16 {
                cp_to_int16(samples + at, Int64(now), &whole)
                try whole.withUnsafeBytes { all in
                    let bytes = UnsafeRawBufferPointer(rebasing: all[0..<now * width])
                    try give(Int64(at * width), bytes)
                }
            } else {
                let bytes = UnsafeRawBufferPointer(start: samples + at, count: now * width)
                try give(Int64(at * width), bytes)
            }
            at += now
        }
    }

    /// Gives the memory of the recording back.
    func free() {
        cp_duplex_free(timeline)
    }
}
