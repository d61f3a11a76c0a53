// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Glibc

/// What is at a path, without following a link there.
enum FileKind: Equatable {
    case nothing, folder, file, socket, device, pipe
    case link(to: String)
    /// It could not be looked at: the errno.
    case unknown(Int32)

    /// - Parameter folder: what `path` is below of, unless it is absolute.
    init(_ path: String, in folder: Int32 = AT_FDCWD) {
        var info = stat()
        guard fstatat(folder, path, &info, AT_SYMLINK_NOFOLLOW) == 0 else {
            self = errno == ENOENT ? .nothing : .unknown(errno)
            return
        }
        switch info.st_mode & S_IFMT {
        case S_IFDIR: self = .folder
        case S_IFSOCK: self = .socket
        case S_IFIFO: self = .pipe
        case S_IFCHR, S_IFBLK: self = .device
        case S_IFLNK:
            var target = [CChar](repeating: 0, count: 4096)
            let count = readlinkat(folder, path, &target, target.count)
            self = .link(to: String(decoding: target.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self))
        default: self = .file
        }
    }

    /// For a sentence that says what was seen.
    var words: String {
        switch self {
        case .nothing: "nothing"
        case .folder: "a folder"
        case .file: "a file"
        case .socket: "a socket"
        case .device: "a device"
        case .pipe: "a pipe"
        case .link(let target): "a link to \(target)"
        case .unknown(let number): "something that cannot be looked at (\(String(cString: strerror(number))))"
        }
    }
}
