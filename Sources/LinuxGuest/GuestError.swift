// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import DeviceTree
import Glibc
import MachineBase

/// Why there is no guest, or no longer one. Each names what was seen and what to do.
public enum GuestError: Error, Equatable, Sendable, CustomStringConvertible {
    /// A folder with kernel, modules and busybox is not there, or not whole; `suite` names what brings it.
    case files(folder: String, missing: [String], suite: String)
    /// The kernel has not what the guest needs, or a file is not what its name says.
    case kernel(String)
    /// QEMU, or its plugin, is not installed or built.
    case program(String, advice: String)
    /// A socket that cannot be had: its path, and why.
    case socket(String, String)
    /// The coprocessor's description has what the guest's machine cannot have.
    case layout(String)
    /// The guest's tree cannot be written.
    case tree(DeviceTreeError)
    /// A system call; what was done, and the system's reason.
    case system(String, Int32)
    /// QEMU ended before it ran, or answered what it should not; `said` is what it printed.
    case qemu(String, said: String)

    public var description: String {
        switch self {
        case .files(let folder, let missing, let suite):
            "\(folder): no \(missing.joined(separator: ", ")): scripts/fetch-linux \(suite) brings Debian's kernel"
        case .kernel(let what): what
        case .program(let name, let advice): "\(name) is missing: \(advice)"
        case .socket(let path, let why): "\(path): \(why)"
        case .layout(let what): what
        case .tree(let error): "the guest's device tree: \(error)"
        case .system(let what, let number): "\(what): \(String(cString: strerror(number)))"
        case .qemu(let what, let said): "qemu-system-arm \(what)\(said.isEmpty ? "" : ": " + ForeignText.line(said))"
        }
    }
}
