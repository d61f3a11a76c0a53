// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import FoundationEssentials
import Glibc
import MachineBase

/// Debian's kernel, its modules and busybox, as `scripts/fetch-linux` lays them out; looked at whole before a guest is started.
public struct GuestFiles: Sendable {
    /// As `bookworm`; the folder's name.
    public let suite: String
    public let folder: String
    /// The kernel's image, a file: unpacked where `scripts/fetch-linux` could do that.
    public let kernel: String
    public let busybox: [UInt8]
    /// `linux-image-6.1.0-50-armmp`, and the package's version.
    public let package: String, version: String
    /// What `uname -r` says.
    public let release: String
    /// What each module needs directly, by its name with underscores.
    private(set) var needs: [String: [String]]
    /// Another kernel's, in their place.
    private var others: ModuleFolder?

    /// - Parameter folder: `.deps/linux/SUITE`.
    /// - Throws: `.files` with what is missing, `.kernel` for a file that is not what it should be.
    public init(folder: String) throws(GuestError) {
        self.folder = folder
        suite = PathText.name(folder)
        let unpacked = folder + "/kernel.uimage"
        kernel = FileManager.default.isReadableFile(atPath: unpacked) ? unpacked : folder + "/vmlinuz"
        let missing = ["vmlinuz", "busybox", "modules.dep", "version"].filter { !FileManager.default.isReadableFile(atPath: "\(folder)/\($0)") }
        guard missing.isEmpty else { throw .files(folder: folder, missing: missing, suite: suite) }
        var facts: [String: String] = [:]
        for line in try Self.text(folder + "/version").split(separator: "\n") {
            let words = line.split(separator: " ", maxSplits: 1)
            if words.count == 2 { facts[String(words[0])] = ForeignText.line(words[1]) }
        }
        guard let package = facts["package"], let version = facts["version"], let release = facts["release"] else {
            throw .kernel("\(folder)/version: no package, version and release: scripts/fetch-linux --refresh \(suite)")
        }
        (self.package, self.version, self.release) = (package, version, release)
        busybox = try Self.bytes(folder + "/busybox")
        // A 32-bit program for Arm, little-endian: what the kernel can run.
        guard busybox.count > 20, busybox.starts(with: [0x7F, 0x45, 0x4C, 0x46, 1, 1]), busybox[18] == 40 else {
            throw .kernel("\(folder)/busybox: not a program for 32-bit Arm: scripts/fetch-linux --refresh \(suite)")
        }
        var needs: [String: [String]] = [:]
        for line in try Self.text(folder + "/modules.dep").split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            needs[String(parts[0])] = parts.count == 2 ? parts[1].split(separator: " ").map(String.init) : []
        }
        self.needs = needs
    }

    /// Takes another kernel's modules, from a folder: those of `names` that are there, and what they need. The others are taken to be built in.
    /// - Throws: `.kernel` for a folder without modules.
    public mutating func takeModules(from folder: String, _ names: [String]) throws(GuestError) {
        let others = try ModuleFolder(folder)
        needs = try others.needs(of: names)
        self.others = others
    }

    /// Modules in the order in which they load: `names`, each behind what it needs. What the kernel has built in is not among them.
    public func loadOrder(_ names: [String]) -> [String] {
        var order: [String] = []
        var seen: Set<String> = []
        func add(_ name: String) {
            guard let needed = needs[name], seen.insert(name).inserted else { return }
            needed.forEach(add)
            order.append(name)
        }
        names.forEach(add)
        return order
    }

    /// A module's file.
    public func module(_ name: String) throws(GuestError) -> [UInt8] {
        if let others { return try others.bytes(name) }
        let path = "\(folder)/modules/\(name).ko"
        guard FileManager.default.isReadableFile(atPath: path) else { throw .files(folder: folder, missing: ["modules/\(name).ko"], suite: suite) }
        return try Self.bytes(path)
    }

    /// The names of all modules that are there.
    public var modules: [String] { needs.keys.sorted() }

    private static func bytes(_ path: String) throws(GuestError) -> [UInt8] {
        guard let data = FileManager.default.contents(atPath: path) else { throw .system(path, errno) }
        return [UInt8](data)
    }
    private static func text(_ path: String) throws(GuestError) -> String { String(decoding: try bytes(path), as: UTF8.self) }
}
