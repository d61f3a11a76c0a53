// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Glibc

/// The folders of a served run: looked over, locked and ready before anything runs, so that what is wrong with them is the first
/// thing that a user hears. What is somebody else's in them is never covered, replaced or removed.
public final class ServedPlace {
    let folder: ServedFolder
    let devices: ServedFolder
    /// What stands before the devices' names in `devices`.
    let devicePrefix: String
    /// Listened to; -1 without control. Whoever takes it closes it.
    var controlListener: Int32 = -1
    var mount: FuseMount?
    let signals: StopSignals
    /// Why there is no file system at `sys`; nil when there is one, or none was asked for.
    public private(set) var whyNoFuse: String?

    /// - Throws: `DeviceFilesError` when a folder is not to be had, something is in the way, or a path is too long for a socket.
    ///
    /// - Parameter signals: those that the process has already; without them some of its own.
    public init(_ folders: ServedFolders, signals: StopSignals? = nil) throws(DeviceFilesError) {
        self.signals = if let signals { signals } else { try StopSignals() }
        guard let main = folders.control ?? folders.devices else { throw DeviceFilesError("nothing to serve") }
        folder = try ServedFolder(main)
        if folders.control == nil {
            (devices, devicePrefix) = (folder, "")
        } else if let own = folders.devices, !Self.isSame(own, main) {
            (devices, devicePrefix) = (try ServedFolder(own), "")
        } else {
            (devices, devicePrefix) = (folder, "dev/")
        }
        // Known now rather than when the firmware announces its thousandth channel.
        let longest = devices.file("\(devicePrefix)rpmsg9999")
        guard longest.utf8.count <= UnixAddress.longest else { throw ServedFolder.tooLong(longest) }
        if !devicePrefix.isEmpty {
            try folder.make("dev")
            try folder.checkWritable("dev")
        }
        try devices.clearLeftovers(String(devicePrefix.dropLast()), isOurs: Self.isDevice)
        if folders.control != nil {
            try folder.make("lib/firmware")
            // Before anybody looks at it: what a killed run has left mounted answers nothing.
            let point = MountPoint("sys", in: folder)
            try FuseMount.clearDead(point)
            if folders.usesFuse { try FuseMount.checkEmpty(point) }
            controlListener = try folder.socket(ControlSocket.name, type: SOCK_STREAM, backlog: ControlSocket.backlog)
            if folders.usesFuse { try mountFileSystem() }
        }
        Self.raiseDescriptorLimit()
    }

    /// `sys`, if FUSE can be had.
    private func mountFileSystem() throws(DeviceFilesError) {
        try folder.make("sys")
        do throws(DeviceFilesError) { mount = try FuseMount(MountPoint("sys", in: folder)) } catch { whyNoFuse = error.description }
    }

    /// `lib/firmware` of the control folder, wherever that has been moved to.
    public var firmwareFolder: String { folder.reachable("lib/firmware") }

    /// `ttyRPMSG0`, `rpmsg12`: names that a firmware's devices can have.
    private static func isDevice(_ name: String) -> Bool {
        guard let digits = name.after("ttyRPMSG") ?? name.after("rpmsg") else { return false }
        return !digits.isEmpty && digits.utf8.count <= 4 && digits.utf8.allSatisfy { (0x30...0x39).contains($0) }
    }

    private static func isSame(_ a: String, _ b: String) -> Bool {
        var first = stat(), second = stat()
        guard stat(a, &first) == 0, stat(b, &second) == 0 else { return a == b }
        return first.st_dev == second.st_dev && first.st_ino == second.st_ino
    }

    /// A thousand endpoints have two descriptors each; shells allow 1024 unless told.
    private static func raiseDescriptorLimit() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0, limit.rlim_cur < limit.rlim_max else { return }
        limit.rlim_cur = min(limit.rlim_max, max(limit.rlim_cur, 8192))
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }

    func close() {
        mount?.close()
        mount = nil
        if controlListener >= 0 { Glibc.close(controlListener) }
        controlListener = -1
        devices.close()
        folder.close()
    }

    deinit { close() }
}
