import Foundation

/// The object `observed` of a report while it is filled; keeps its bound.
final class ObservedWriter {
    /// What follows in the header: notes above all, whose letters may take six bytes each.
    private static let reservedBytes = CP_MAX_NOTES * CP_MAX_NOTE_CHARS * 6 + 4096

    private let writer: OpaquePointer
    private var left: Int

    /// `taken`: entries that the core wrote already.
    init(_ writer: OpaquePointer, taken: Int32) {
        self.writer = writer
        left = CP_MAX_OBSERVED - Int(taken)
    }

    /// nil and "" = the system does not say.
    func put(_ key: String, _ text: String?) {
        let hasRoom = left > 0 && cp_write_room(writer) > ObservedWriter.reservedBytes
        if let text = text, !text.isEmpty, hasRoom {
            left -= 1
            cp_write_text(writer, key, text, Int32(CP_MAX_OBSERVED_CHARS))
        }
    }

    func milliseconds(_ key: String, _ seconds: Double) {
        put(key, String(format: "%.4f", seconds * 1000))
    }
}
