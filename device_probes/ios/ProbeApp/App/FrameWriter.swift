/// A frame could not be written within the bounds of the contract: a fault of this app.
struct FrameTooLarge: Error {}

/// One frame, written by the core.
final class FrameWriter {
    private let writer: OpaquePointer?
    private let payload: UnsafeRawBufferPointer?

    init(payload: UnsafeRawBufferPointer? = nil, _ fill: (OpaquePointer) -> Void) {
        writer = cp_writer_new()
        self.payload = payload
        if let writer = writer {
            fill(writer)
        }
    }

    deinit {
        cp_writer_free(writer)
    }

    func write(to link: Link) throws {
        var bytes = 0
        guard let writer = writer,
            let head = cp_write_frame(writer, UInt32(payload?.count ?? 0), &bytes)
        else {
            throw FrameTooLarge()
        }
        try link.write(UnsafeRawBufferPointer(start: head, count: bytes), payload)
    }
}
