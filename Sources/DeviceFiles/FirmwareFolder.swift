import Glibc
import RprocHost

/// `/lib/firmware` of a served run: the folder's own `lib/firmware` first, then the folder that the image came from.
public struct FirmwareFolder {
    private let folders: [String]
    /// Larger than any firmware that fits the M4's memories and DDR window.
    private static let largest = 256 << 20

    /// - Parameter folders: looked in in this order; without a slash at the end.
    public init(_ folders: [String]) { self.folders = folders }

    /// - Throws: `noEntry` when no folder has the file, `invalid` for a name that leaves the folder, `fileTooBig`, `io`.
    public func read(_ name: String) throws(Errno) -> [UInt8] {
        let parts = name.split(separator: "/")
        guard !parts.isEmpty, !parts.contains(".."), !name.utf8.contains(0) else { throw .invalid }
        for folder in folders {
            let descriptor = open("\(folder)/\(parts.joined(separator: "/"))", O_RDONLY | O_CLOEXEC | O_NONBLOCK)
            guard descriptor >= 0 else { continue }
            defer { close(descriptor) }
            var info = stat()
            guard fstat(descriptor, &info) == 0, info.st_mode & S_IFMT == S_IFREG else { continue }
            guard info.st_size <= Self.largest else { throw .fileTooBig }
            var bytes = [UInt8](repeating: 0, count: Int(info.st_size))
            var done = 0
            while done < bytes.count {
                let offset = done
                let count = bytes.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress.map { $0 + offset }, $0.count - offset) }
                if count < 0 && errno == EINTR { continue }
                guard count > 0 else { throw .io }
                done += count
            }
            return bytes
        }
        throw .noEntry
    }
}
