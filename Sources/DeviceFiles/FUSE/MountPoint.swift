// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Glibc

/// A place in a `ServedFolder` for a file system: where it is known by, where it is, and whether what is there is dead.
struct MountPoint: CustomStringConvertible {
    private let folder: ServedFolder
    private let name: String

    init(_ name: String, in folder: ServedFolder) { (self.name, self.folder) = (name, folder) }

    /// As users know it.
    var description: String { folder.file(name) }
    /// For this process's own calls: right wherever the folder has been moved to.
    var reachable: String { folder.reachable(name) }
    /// For others, and as the mount table has it; nil without /proc.
    var currentPath: String? { folder.currentPath.map { $0 == "/" ? "/\(name)" : "\($0)/\(name)" } }

    /// Whether a file system is mounted there whose server is gone.
    var isDead: Bool {
        var info = stat()
        // The second is the answer to who has asked before the server was gone.
        return stat(reachable, &info) != 0 && (errno == ENOTCONN || errno == ECONNABORTED)
    }
}
