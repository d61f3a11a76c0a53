// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips
import Glibc
import MachineBase
import RprocHost

// Lists of what options can be given.

struct BootListing: Listing {
    struct Entry: Encodable {
        let name: String, optee: Bool, isDefault: Bool
        @Nullable var summary: String?
    }
    let entries: [Entry]

    init() {
        let manual = BuildInfo.manual
        entries = BootSequence.allCases.map {
            Entry(name: $0.rawValue, optee: $0.usesTEE, isDefault: $0 == TreeOptions.usualBoot, summary: Nullable(wrappedValue: manual.summary(of: $0.rawValue, on: "boot")))
        }
    }
    func cells(_ entry: Entry) -> [String] { ["--boot \(entry.name)", entry.optee ? "OP-TEE" : "Linux", entry.isDefault ? "default" : "", entry.summary ?? ""] }
}

struct KernelListing: Listing {
    struct Entry: Encodable {
        /// `--kernel` and `6.12`, `--openstlinux` and `6`.
        let option: String, value: String, isDefault: Bool
        /// The kernel whose ways it has; an OpenSTLinux has ST's driver, too.
        let kernel: String
    }
    let entries: [Entry]

    init() {
        entries = KernelProfile.Named.allCases.map { named in
            let isOfST = named.rawValue.hasPrefix(OpenSTLinux.prefix)
            return Entry(
                option: isOfST ? "--openstlinux" : "--kernel", value: isOfST ? String(named.rawValue.dropFirst(OpenSTLinux.prefix.count)) : named.rawValue,
                isDefault: named == .newest, kernel: named.kernel.rawValue)
        }
    }
    func cells(_ entry: Entry) -> [String] {
        let isOfST = entry.option != "--kernel"
        return ["\(entry.option) \(entry.value)", entry.isDefault ? "default" : isOfST ? "kernel \(entry.kernel), ST's remoteproc driver" : ""]
    }
}

/// Boards: what is built in, and device trees that are installed or in the checkout.
struct BoardListing: Listing {
    struct Entry: Encodable {
        let name: String, chip: String, builtIn: Bool
        /// A source for `dtc`, or a blob.
        @Nullable var file: String?
    }
    let entries: [Entry]

    init() {
        let chip = SoCDescription.chosen.name
        let trees = InstalledPlace.files(".dts", installed: "device-tree", checkout: "device-tree")
        entries = [Entry(name: "STM32MP157C-DK2", chip: chip, builtIn: true, file: Nullable(wrappedValue: nil))]
            + trees.map { Entry(name: PathText.withoutExtension(PathText.name($0)), chip: chip, builtIn: false, file: Nullable(wrappedValue: $0)) }
    }
    func cells(_ entry: Entry) -> [String] { [ForeignText.line(entry.name), entry.chip, entry.file.map { ForeignText.line($0) } ?? "built in, without --dtb"] }
}

struct SampleListing: Listing {
    struct Entry: Encodable { let name: String, file: String, size: Int }
    let entries: [Entry]

    init() {
        entries = InstalledPlace.files(".elf", installed: "firmware", checkout: ".build/firmware").map { file in
            var info = stat()
            let size = stat(file, &info) == 0 ? Int(info.st_size) : 0
            return Entry(name: PathText.withoutExtension(PathText.name(file)), file: file, size: size)
        }
    }
    func cells(_ entry: Entry) -> [String] { [ForeignText.line(entry.name), "\(entry.size)", ForeignText.line(entry.file)] }
}
