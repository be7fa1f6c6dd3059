/// What the app takes of Darwin's C, where glibc has it otherwise.
@_exported import Glibc

/// Linux has no such option; `App.main` of the fake SwiftUI ignores the signal instead.
public let SO_NOSIGPIPE: Int32 = 0x1022

/// An OSStatus.
public let noErr: Int32 = 0

extension sockaddr_in {
    /// Linux's address carries no length.
    public var sin_len: UInt8 {
        get { UInt8(MemoryLayout<sockaddr_in>.size) }
        set { precondition(Int(newValue) == MemoryLayout<sockaddr_in>.size) }
    }
}

public func socket(_ family: Int32, _ type: __socket_type, _ kind: Int32) -> Int32 {
    Glibc.socket(family, Int32(type.rawValue), kind)
}

@discardableResult
public func setsockopt(
    _ socket: Int32, _ level: Int, _ name: Int32, _ value: UnsafeRawPointer, _ size: socklen_t
) -> Int32 {
    Glibc.setsockopt(socket, Int32(level), name, value, size)
}

@discardableResult
public func shutdown(_ socket: Int32, _ how: Int) -> Int32 {
    Glibc.shutdown(socket, Int32(how))
}

/// `hw.machine` and the like: an iPhone 14 with iOS 17.0, in the places where Darwin keeps it.
public func sysctlbyname(
    _ name: String, _ into: UnsafeMutableRawPointer?, _ size: UnsafeMutablePointer<Int>,
    _ new: UnsafeMutableRawPointer?, _ newSize: Int
) -> Int32 {
    let values = ["hw.machine": "iPhone14,7", "hw.model": "D27AP", "kern.osversion": "21A329"]
    guard let value = values[name], new == nil else {
        return -1
    }
    let bytes = Array(value.utf8) + [0]
    if let into = into {
        guard size.pointee >= bytes.count else {
            return -1
        }
        into.copyMemory(from: bytes, byteCount: bytes.count)
    }
    size.pointee = bytes.count
    return 0
}

@discardableResult
public func uname(_ found: UnsafeMutablePointer<utsname>) -> Int32 {
    let code = Glibc.uname(found)
    withUnsafeMutableBytes(of: &found.pointee.machine) {
        $0.copyBytes(from: Array("iPhone14,7".utf8) + [0])
    }
    return code
}
