import Glibc

/// A folder in which a run has its links and sockets, for as long as it lives.
///
/// It is locked (`flock` on the folder), and the lock ends with the process however that ends: what looks like a link or
/// socket of ours in a folder that nobody has locked is left over from a run that was killed, and is replaced.
final class ServedFolder {
    let path: String
    private var descriptor: Int32 = -1
    private var made: [String] = []
    private var names: [String] = []

    /// Makes the folder unless it is there, and locks it.
    init(_ path: String) throws(DeviceFilesError) {
        self.path = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
        try make("")
        descriptor = open(self.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system(self.path) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let number = errno
            throw number == EWOULDBLOCK ? DeviceFilesError("\(self.path): another m4run serves this folder") : .system("\(self.path): cannot be locked", number)
        }
        guard access(self.path, W_OK | X_OK) == 0 else { throw .system("\(self.path): not writable") }
    }

    func file(_ name: String) -> String { name.isEmpty ? path : "\(path)/\(name)" }

    /// Makes a folder in it, and those above; they are removed at the end if they are empty then.
    func make(_ name: String) throws(DeviceFilesError) {
        var prefix = ""
        for part in [""] + name.split(separator: "/").map(String.init) {
            prefix = prefix.isEmpty ? part : "\(prefix)/\(part)"
            if mkdir(file(prefix), 0o755) == 0 {
                made.append(file(prefix))
                continue
            }
            let number = errno
            var info = stat()
            guard number == EEXIST else { throw .system("\(file(prefix)): cannot be made", number) }
            guard stat(file(prefix), &info) == 0, info.st_mode & S_IFMT == S_IFDIR else { throw DeviceFilesError("\(file(prefix)): is no folder") }
        }
    }

    /// A symbolic link to a pseudo-terminal.
    func link(_ name: String, to target: String) throws(DeviceFilesError) {
        try clear(name)
        guard symlink(target, file(name)) == 0 else { throw .system("\(file(name)): cannot be made") }
        if !names.contains(name) { names.append(name) }
    }

    /// A socket that is listened to.
    func socket(_ name: String, type: __socket_type) throws(DeviceFilesError) -> Int32 {
        try clear(name)
        let path = file(name)
        guard var address = UnixAddress(path) else { throw Self.tooLong(path) }
        let descriptor = Glibc.socket(AF_UNIX, Int32(type.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
        guard descriptor >= 0 else { throw .system(path) }
        guard address.bind(descriptor) == 0, listen(descriptor, 8) == 0 else {
            let number = errno
            Glibc.close(descriptor)
            throw .system("\(path): cannot be made", number)
        }
        if !names.contains(name) { names.append(name) }
        return descriptor
    }

    static func tooLong(_ path: String) -> DeviceFilesError {
        DeviceFilesError("\(path): \(path.utf8.count) bytes are too long for a socket's path, which has at most \(UnixAddress.longest)")
    }

    func remove(_ name: String) {
        guard let index = names.firstIndex(of: name) else { return }
        names.remove(at: index)
        unlink(file(name))
    }

    /// Makes way for `name`, if what is there can only be a dead run's.
    private func clear(_ name: String) throws(DeviceFilesError) {
        let path = file(name)
        var info = stat()
        guard lstat(path, &info) == 0 else { return }
        var isOurs = info.st_mode & S_IFMT == S_IFSOCK
        if info.st_mode & S_IFMT == S_IFLNK {
            var target = [CChar](repeating: 0, count: 64)
            let count = readlink(path, &target, target.count - 1)
            isOurs = count > 0 && String(decoding: target.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self).hasPrefix("/dev/pts/")
        }
        guard isOurs else { throw DeviceFilesError("\(path): is in the way, and was not made by m4run") }
        guard unlink(path) == 0 else { throw .system("\(path): cannot be replaced") }
    }

    func close() {
        guard descriptor >= 0 else { return }
        for name in names { unlink(file(name)) }
        names = []
        // What somebody has put something into stays.
        for folder in made.reversed() { rmdir(folder) }
        made = []
        Glibc.close(descriptor)
        descriptor = -1
    }

    deinit { close() }
}

/// A path as sockets have it.
struct UnixAddress {
    private var address = sockaddr_un()
    /// Bytes of the longest path.
    static let longest = MemoryLayout.size(ofValue: sockaddr_un().sun_path) - 1

    /// Nil for a path that does not fit.
    init?(_ path: String) {
        guard path.utf8.count <= Self.longest else { return nil }
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    }

    mutating func bind(_ descriptor: Int32) -> Int32 { with { Glibc.bind(descriptor, $0, $1) } }
    mutating func connect(_ descriptor: Int32) -> Int32 { with { Glibc.connect(descriptor, $0, $1) } }

    private mutating func with(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
        withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
        }
    }
}
