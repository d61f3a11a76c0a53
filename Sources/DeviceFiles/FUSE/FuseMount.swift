// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Glibc
import MachineBase

/// The folder at which a FUSE file system is mounted: by `mount(2)` for root, by `fusermount3` for others.
final class FuseMount {
    /// What requests are read from and answers written to.
    private(set) var device: Int32 = -1
    private let point: MountPoint
    private static let type = "fuse.m4run"
    private var leaving: Int?
    /// /dev/null, to put in the device's place: had in time, as there may be no descriptor left at the end.
    private let nothing: Int32

    /// Mounts at `point`, an empty folder; see `checkEmpty`.
    init(_ point: MountPoint) throws(DeviceFilesError) {
        self.point = point
        nothing = open("/dev/null", O_RDWR | O_CLOEXEC)
        guard nothing >= 0 else { throw .system("/dev/null") }
        // The folder stays as it is for as long as this is entered.
        nonisolated(unsafe) let point = point
        do throws(DeviceFilesError) {
            (device, leaving) = try Leavings.making { [nothing] entries throws(DeviceFilesError) in
                let device = geteuid() == 0 ? try Self.mountDirectly(point) : try Self.mountWithHelper(point)
                return (device, entries.add { Self.abandon(point, device, nothing) })
            }
        } catch {
            Glibc.close(nothing)
            throw error
        }
        Descriptor.prepare(device)
    }

    /// Unmounts. The descriptor gets another meaning, but its number is not free for something else: another thread may still use it.
    ///
    /// Without its descriptor the file system answers everything with ENOTCONN; before that, unmounting could wait for us. What
    /// answers has been mounted over it by somebody else.
    private static func abandon(_ point: MountPoint, _ device: Int32, _ nothing: Int32) {
        if dup2(nothing, device) >= 0 { _ = fcntl(device, F_SETFD, FD_CLOEXEC) }
        // Another thread that waits for a request has the device in use until it comes back.
        let end = WallTime.now + patience
        while !point.isDead {
            guard WallTime.now < end else { return }
            usleep(1000)
        }
        unmount(point)
    }
    private static let patience: UInt64 = 50_000_000

    /// The number is free once nobody else has it entered: the end of the process, on another thread, acts on what is in `Leavings`.
    func close() {
        guard device >= 0 else { return }
        if let leaving { Leavings.takeAway(leaving) }
        leaving = nil
        Glibc.close(device)
        Glibc.close(nothing)
        device = -1
    }

    private static let allowed = "; for the file system of --control there may be an empty folder, or nothing (or use --no-fuse)"

    /// Takes away what killed runs have left mounted there, one over another.
    static func clearDead(_ point: MountPoint) throws(DeviceFilesError) {
        for _ in 0..<16 {
            guard point.isDead, let path = point.currentPath, MountTable.type(at: path) == type else { return }
            unmount(point)
            if point.isDead { throw DeviceFilesError("\(point): what a killed run has left mounted there cannot be unmounted; its owner can: fusermount3 -u \(path)") }
        }
    }

    /// Makes sure that nothing would be covered there: an empty folder may be there, or nothing.
    static func checkEmpty(_ point: MountPoint) throws(DeviceFilesError) {
        if let path = point.currentPath, let mounted = MountTable.type(at: path) { throw DeviceFilesError("\(point): a file system (\(mounted)) is mounted there" + allowed) }
        let kind = FileKind(point.reachable)
        if kind == .nothing { return }
        guard kind == .folder, let folder = opendir(point.reachable) else { throw DeviceFilesError("\(point): \(kind.words) is in the way" + allowed) }
        defer { closedir(folder) }
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) } }
            if name != "." && name != ".." { throw DeviceFilesError("\(point): a folder with something in it (\(name)), which would be covered" + allowed) }
        }
    }

    deinit { close() }

    static func unmount(_ point: MountPoint) {
        // MNT_DETACH: a shell that stands in it does not keep it.
        if umount2(point.reachable, Int32(MNT_DETACH)) == 0 || geteuid() == 0 { return }
        if let path = point.currentPath { _ = run(["-u", "-q", "-z", "--", path], descriptor: nil) }
    }

    private static func mountDirectly(_ point: MountPoint) throws(DeviceFilesError) -> Int32 {
        let device = open("/dev/fuse", O_RDWR | O_CLOEXEC)
        guard device >= 0 else { throw .system("/dev/fuse") }
        let options = "fd=\(device),rootmode=40000,user_id=\(getuid()),group_id=\(getgid())"
        let flags = UInt(MS_NOSUID | MS_NODEV | MS_NOEXEC)
        guard mount("m4run", point.reachable, type, flags, options) == 0 else {
            let number = errno
            Glibc.close(device)
            throw .system("\(point): mount", number)
        }
        return device
    }

    /// fusermount3 mounts, and passes the descriptor back over a socket.
    private static func mountWithHelper(_ point: MountPoint) throws(DeviceFilesError) -> Int32 {
        guard let path = point.currentPath else { throw DeviceFilesError("\(point): where that is cannot be read from /proc") }
        var pair: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &pair) == 0 else { throw .system("socketpair") }
        defer { Glibc.close(pair[0]) }
        _ = fcntl(pair[0], F_SETFD, FD_CLOEXEC)
        let isDone = run(["-o", "nosuid,nodev,fsname=m4run,subtype=m4run", "--", path], descriptor: pair[1])
        Glibc.close(pair[1])
        guard let isDone else { throw DeviceFilesError("fusermount3 is not installed (Debian's package fuse3)") }
        guard isDone, let device = receiveDescriptor(pair[0]) else { throw DeviceFilesError("\(point): fusermount3 could not mount") }
        return device
    }

    /// Runs fusermount3 to its end. Nil when there is none.
    private static func run(_ arguments: [String], descriptor: Int32?) -> Bool? {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        // Its complaints are ours to word.
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        var environment = ["PATH=\(getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin")"]
        if let descriptor { environment.append("_FUSE_COMMFD=\(descriptor)") }
        var argv: [UnsafeMutablePointer<CChar>?] = (["fusermount3"] + arguments).map { strdup($0) } + [nil]
        var envp: [UnsafeMutablePointer<CChar>?] = environment.map { strdup($0) } + [nil]
        defer { for pointer in argv + envp { free(pointer) } }
        // In a group of its own: a signal to this run's group must not leave it half-way, with a mount that nobody serves.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
        posix_spawnattr_setpgroup(&attributes, 0)
        var child: pid_t = 0
        guard posix_spawnp(&child, "fusermount3", &actions, &attributes, &argv, &envp) == 0 else { return nil }
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0 { guard errno == EINTR else { return false } }
        return status == 0
    }

    /// SCM_RIGHTS: a header of 16 bytes (length, level, type), then the descriptor.
    private static func receiveDescriptor(_ socket: Int32) -> Int32? {
        var control = [UInt64](repeating: 0, count: 4)
        var byte: UInt8 = 0
        let size = control.count * 8
        return control.withUnsafeMutableBytes { control -> Int32? in
            withUnsafeMutablePointer(to: &byte) { byte -> Int32? in
                var part = iovec(iov_base: byte, iov_len: 1)
                return withUnsafeMutablePointer(to: &part) { part -> Int32? in
                    var message = msghdr()
                    message.msg_iov = part
                    message.msg_iovlen = 1
                    message.msg_control = control.baseAddress
                    message.msg_controllen = size
                    guard recvmsg(socket, &message, 0) >= 0, message.msg_controllen >= 20,
                        control.load(fromByteOffset: 8, as: Int32.self) == SOL_SOCKET,
                        control.load(fromByteOffset: 12, as: Int32.self) == Int32(SCM_RIGHTS)
                    else { return nil }
                    return control.load(fromByteOffset: 16, as: Int32.self)
                }
            }
        }
    }
}
