import Glibc
import RprocHost

/// A `ControlTree` as a file system: the kernel's FUSE protocol, version 7.31, of which a fixed tree of small files needs a
/// dozen requests.
///
/// The protocol is the kernel's own stable interface (`linux/fuse.h`), spoken without libfuse: nothing has to be installed, and
/// requests are answered from the loop that runs the machine. A request for a file is the system call of the program that
/// waits for it, so `echo` gets the errno that the kernel would have given.
final class FuseServer: PollSource {
    private let tree: ControlTree
    private let mount: FuseMount
    /// Paths by inode number, from 1 on; a name that was looked up keeps its number.
    private var paths = [""]
    private var numbers = ["": UInt64(1)]
    private static let nodeLimit = 65536
    /// What an open file's reader sees: made when it reads from offset 0.
    private var contents: [UInt64: [UInt8]] = [:]
    private var nextHandle: UInt64 = 1
    private var buffer = [UInt8](repeating: 0, count: FuseServer.bufferSize)
    private static let maximumWrite: UInt32 = 65536
    private static let bufferSize = 65536 + 4096

    init(_ tree: ControlTree, at path: String) throws(DeviceFilesError) {
        self.tree = tree
        mount = try FuseMount(path)
    }

    func close() { mount.close() }

    func watch(_ set: inout PollSet) { set.add(mount.device, POLLIN) }

    /// Each open, read or write of a program is an event: the machine may have been asked for something.
    func serve(_ set: PollSet) -> Bool {
        guard set.found(mount.device) != 0 else { return false }
        var wrote = false
        for _ in 0..<64 {
            let count = read(mount.device, &buffer, buffer.count)
            if count < 0 && errno == EINTR { continue }
            guard count >= FuseRequest.headerSize else {
                // Somebody has unmounted it.
                if count < 0 && errno == ENODEV { mount.close() }
                break
            }
            if let request = FuseRequest(Array(buffer[..<count])) { wrote = answer(request) || wrote }
        }
        return wrote
    }

    private func reply(_ request: FuseRequest, error: Int32 = 0, _ body: [UInt8] = []) {
        var message = FuseReply()
        message.u32(UInt32(FuseRequest.replyHeaderSize + body.count))
        message.u32(UInt32(bitPattern: -error))
        message.u64(request.unique)
        let bytes = message.bytes + body
        // A caller that was killed meanwhile gets ENOENT; nobody waits then.
        _ = bytes.withUnsafeBytes { write(mount.device, $0.baseAddress, $0.count) }
    }

    private func answer(_ request: FuseRequest) -> Bool {
        guard let operation = FuseRequest.Operation(rawValue: request.opcode) else {
            reply(request, error: ENOSYS)
            return false
        }
        // No reply belongs to these.
        if operation == .forget || operation == .batchForget || operation == .interrupt { return false }
        if operation == .initialize {
            reply(request, greeting(request))
            return false
        }
        guard request.node >= 1, request.node <= UInt64(paths.count) else {
            reply(request, error: ESTALE)
            return false
        }
        do throws(Errno) {
            reply(request, try handle(operation, request, paths[Int(request.node - 1)]))
            return operation == .write
        } catch {
            reply(request, error: error.userNumber)
            return operation == .write
        }
    }

    private func handle(_ operation: FuseRequest.Operation, _ request: FuseRequest, _ path: String) throws(Errno) -> [UInt8] {
        var out = FuseReply()
        switch operation {
        case .lookup:
            let name = request.name, child = path.isEmpty ? name : "\(path)/\(name)"
            guard let node = tree.node(child), let number = number(child) else { throw .noEntry }
            out.u64(number)
            out.u64(0)
            // Entries and attributes are not cached: they come and go with the firmware.
            for _ in 0..<2 { out.u64(0) }
            for _ in 0..<2 { out.u32(0) }
            out.attributes(number, node)
        case .getattr, .setattr:
            // A shell's `>` truncates; there is nothing to truncate.
            guard let node = tree.node(path) else { throw .noEntry }
            out.u64(0)
            out.u64(0)
            out.attributes(request.node, node)
        case .open, .opendir:
            guard let node = tree.node(path) else { throw .noEntry }
            if case .file(let file) = node, file.isSysfs {
                let access = Int32(bitPattern: request.u32(0)) & O_ACCMODE
                if access != O_WRONLY && file.read == nil || access != O_RDONLY && file.write == nil { throw .accessDenied }
            }
            contents[nextHandle] = []
            out.u64(nextHandle)
            // FOPEN_DIRECT_IO: each read and write of the program comes here as it is.
            out.u32(operation == .open ? 1 : 0)
            out.u32(0)
            nextHandle += 1
        case .read, .readdir:
            let handle = request.u64(0), offset = request.u64(8), count = Int(request.u32(16))
            if offset == 0 { contents[handle] = try content(operation, path) }
            guard let content = contents[handle], offset <= UInt64(content.count) else { return [] }
            return slice(content, Int(offset), count, isFolder: operation == .readdir)
        case .write:
            guard case .file(let file)? = tree.node(path), let write = file.write else { throw .invalid }
            let count = Int(request.u32(16))
            guard count <= ControlTree.longestWrite, request.body.count >= 40 + count else { throw .invalid }
            try write(Array(request.body[40..<40 + count]))
            out.u32(UInt32(count))
            out.u32(0)
        case .release, .releasedir: contents[request.u64(0)] = nil
        case .statfs:
            for _ in 0..<5 { out.u64(0) }
            out.u32(4096)
            out.u32(255)
            out.u32(4096)
            for _ in 0..<7 { out.u32(0) }
        case .flush, .access, .destroy, .fsync: break
        case .forget, .batchForget, .interrupt, .initialize: break
        }
        return out.bytes
    }

    private func content(_ operation: FuseRequest.Operation, _ path: String) throws(Errno) -> [UInt8] {
        if operation == .readdir { return directory(path) }
        guard case .file(let file)? = tree.node(path), let read = file.read else { throw .invalid }
        return try read()
    }

    /// `fuse_dirent`s, each padded to 8 bytes; an entry's offset is where the next one is.
    private func directory(_ path: String) -> [UInt8] {
        var out = FuseReply()
        for name in [".", ".."] + (tree.list(path) ?? []) {
            let child = path.isEmpty ? name : "\(path)/\(name)"
            var isFolder = true
            if case .file? = tree.node(child) { isFolder = false }
            let length = name.utf8.count, size = 24 + (length + 7) & ~7
            out.u64(name.hasPrefix(".") ? 1 : number(child) ?? 1)
            out.u64(UInt64(out.bytes.count - 8 + size))
            out.u32(UInt32(length))
            out.u32(isFolder ? UInt32(DT_DIR) : UInt32(DT_REG))
            out.bytes += Array(name.utf8) + [UInt8](repeating: 0, count: size - 24 - length)
        }
        return out.bytes
    }

    /// At most `count` bytes; of a folder whole entries only.
    private func slice(_ content: [UInt8], _ offset: Int, _ count: Int, isFolder: Bool) -> [UInt8] {
        let end = min(content.count, offset + count)
        guard isFolder else { return Array(content[offset..<end]) }
        var last = offset
        while last + 24 <= end {
            let length = (0..<4).reduce(0) { $0 | Int(content[last + 16 + $1]) << ($1 * 8) }
            let next = last + 24 + (length + 7) & ~7
            if next > end { break }
            last = next
        }
        return Array(content[offset..<last])
    }

    private func number(_ path: String) -> UInt64? {
        if let number = numbers[path] { return number }
        guard paths.count < Self.nodeLimit else { return nil }
        paths.append(path)
        numbers[path] = UInt64(paths.count)
        return UInt64(paths.count)
    }

    /// FUSE_INIT.
    private func greeting(_ request: FuseRequest) -> [UInt8] {
        var out = FuseReply()
        out.u32(7)
        out.u32(min(31, request.u32(4)))
        out.u32(0)
        out.u32(0)
        out.u16(16)
        out.u16(12)
        out.u32(Self.maximumWrite)
        out.u32(1)
        out.u16(0)
        out.u16(0)
        for _ in 0..<8 { out.u32(0) }
        return out.bytes
    }
}

/// A request: `fuse_in_header` and what follows it.
struct FuseRequest {
    /// Numbers of `enum fuse_opcode`.
    enum Operation: UInt32 {
        case lookup = 1, forget = 2, getattr = 3, setattr = 4, open = 14, read = 15, write = 16, statfs = 17, release = 18, fsync = 20
        case flush = 25, initialize = 26, opendir = 27, readdir = 28, releasedir = 29, access = 34, interrupt = 36, destroy = 38
        case batchForget = 42
    }
    static let headerSize = 40
    static let replyHeaderSize = 16

    let opcode: UInt32
    let unique: UInt64
    let node: UInt64
    let body: [UInt8]

    init?(_ bytes: [UInt8]) {
        guard bytes.count >= Self.headerSize else { return nil }
        opcode = Self.load(bytes, 4)
        unique = Self.load(bytes, 8)
        node = Self.load(bytes, 16)
        body = Array(bytes[Self.headerSize...])
    }

    /// A field of the body; 0 behind its end.
    func u32(_ offset: Int) -> UInt32 { Self.load(body, offset) }
    func u64(_ offset: Int) -> UInt64 { Self.load(body, offset) }
    /// The body as a name that ends with NUL.
    var name: String { String(decoding: body.prefix { $0 != 0 }, as: UTF8.self) }

    private static func load<T: FixedWidthInteger>(_ bytes: [UInt8], _ offset: Int) -> T {
        guard offset >= 0, offset + MemoryLayout<T>.size <= bytes.count else { return 0 }
        return bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: T.self) }
    }
}

/// A reply's bytes, in the machine's own order as the protocol has them.
struct FuseReply {
    var bytes: [UInt8] = []
    mutating func u16(_ value: UInt16) { append(value) }
    mutating func u32(_ value: UInt32) { append(value) }
    mutating func u64(_ value: UInt64) { append(value) }
    private mutating func append<T: FixedWidthInteger>(_ value: T) { withUnsafeBytes(of: value) { bytes.append(contentsOf: $0) } }

    /// `fuse_attr`
    mutating func attributes(_ number: UInt64, _ node: ControlTree.Node) {
        var mode = UInt32(S_IFDIR) | 0o755, size: UInt64 = 0
        if case .file(let file) = node {
            mode = UInt32(S_IFREG) | file.mode
            size = file.isSysfs ? 4096 : 0
        }
        u64(number)
        u64(size)
        for _ in 0..<4 { u64(0) }
        for _ in 0..<3 { u32(0) }
        u32(mode)
        u32(1)
        u32(getuid())
        u32(getgid())
        u32(0)
        u32(4096)
        u32(0)
    }
}
