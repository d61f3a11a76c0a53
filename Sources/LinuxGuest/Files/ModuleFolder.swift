// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import FoundationEssentials
import Glibc
import MachineBase

/// Another kernel's modules: `NAME.ko` anywhere below a folder, as in `lib/modules/RELEASE` or a build's tree.
struct ModuleFolder {
    /// By names with underscores.
    private var files: [String: String] = [:]
    private static let packed = [".ko.xz", ".ko.gz", ".ko.zst"]

    /// - Throws: `.kernel` for a folder without modules, or one of packed ones.
    init(_ folder: String) throws(GuestError) {
        var packedExample: String?
        guard let paths = FolderWalk.paths(below: folder) else {
            throw .kernel("\(folder): no such folder; a kernel's modules are in lib/modules/RELEASE of where 'make modules_install' puts them")
        }
        for path in paths {
            let name = PathText.name(path)
            if name.hasSuffix(".ko") {
                files[Self.underscored(String(name.dropLast(3)))] = "\(folder)/\(path)"
            } else if Self.packed.contains(where: name.hasSuffix) {
                packedExample = packedExample ?? path
            }
        }
        guard files.isEmpty else { return }
        if let packedExample { throw .kernel("\(folder): modules are packed, as \(ForeignText.line(packedExample)); unpack them (xz -d, gunzip, zstd -d)") }
        throw .kernel("\(folder): no module, NAME.ko, in it or below")
    }

    private static func underscored(_ name: String) -> String { String(name.map { $0 == "-" ? "_" : $0 }) }

    /// Those of `names` that are there, and what they need, by name; each with what it needs directly.
    func needs(of names: [String]) throws(GuestError) -> [String: [String]] {
        var needs: [String: [String]] = [:]
        var open = names
        while let name = open.popLast() {
            guard needs[name] == nil, files[name] != nil else { continue }
            let own = Self.depends(try bytes(name)).filter { files[$0] != nil }
            needs[name] = own
            open += own
        }
        return needs
    }

    func bytes(_ name: String) throws(GuestError) -> [UInt8] {
        guard let path = files[name] else { throw .kernel("no module \(name)") }
        guard let data = FileManager.default.contents(atPath: path) else { throw .system(path, errno) }
        return [UInt8](data)
    }

    /// The words of a module's `depends=`, which is what depmod makes modules.dep of. Source: Linux scripts/mod/modpost.c.
    private static func depends(_ module: [UInt8]) -> [String] {
        let key = Array("depends=".utf8)
        var index = 0
        while let found = module[index...].firstIndex(of: key[0]) {
            index = found + 1
            guard found == 0 || module[found - 1] == 0, module[found...].starts(with: key) else { continue }
            let text = module[(found + key.count)...].prefix { $0 != 0 }
            return String(decoding: text, as: UTF8.self).split(separator: ",").map { underscored(String($0)) }
        }
        return []
    }
}
