// swift-tools-version: 6.1
// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import PackageDescription

// The command has Swift's libraries inside: loading and relocating them took longer than a short run. lld, since gold warns of what it has not been
// asked about. Foundation itself, and its tables of all the world's languages, is no part of it: FoundationEssentials is.
let staticLibraries: [LinkerSetting] = [
    .unsafeFlags(
        ["-static-stdlib", "-use-ld=lld", "-lFoundationEssentials", "-l_FoundationCShims", "-l_FoundationCollections"],
        .when(platforms: [.linux], configuration: .release))
]

/// A dependency of its repository; where M4RUN_DEPENDENCIES names a folder, the one of that name in it, as a source package has them.
func dependency(_ address: String, from version: Version) -> Package.Dependency {
    guard let folder = Context.environment["M4RUN_DEPENDENCIES"], let name = address.split(separator: "/").last else {
        return .package(url: address, from: version)
    }
    return .package(path: "\(folder)/\(name.lowercased())")
}
// The archive: one shared library more would be loaded at each start, and most have no file of options.
let staticYAML: [LinkerSetting] = [.unsafeFlags(["-l:libyaml.a"], .when(platforms: [.linux]))]

// What the linker opened and what it took out of each archive, for scripts/licences: two small files in the folder that the Makefile names.
let linkRecord: [LinkerSetting] =
    Context.environment["M4RUN_LINK_RECORD"].map { folder in
        [.unsafeFlags(
            ["-Xlinker", "--dependency-file=\(folder)/m4run.linked", "-Xlinker", "--print-archive-stats=\(folder)/m4run.archives"],
            .when(platforms: [.linux], configuration: .release))]
    } ?? []

// What tests test is optimized, they themselves are not: that would take minutes more than it saves.
let unoptimized: [SwiftSetting] = [.unsafeFlags(["-Onone"], .when(configuration: .release))]

let package = Package(
    name: "m4run",
    products: [
        .executable(name: "m4run", targets: ["m4run"]),
        .library(name: "VirtualMP1", targets: ["VirtualMP1"]),
        .library(name: "M4Board", targets: ["M4Board"]),
        .library(name: "SecureLoader", targets: ["SecureLoader"]),
        .library(name: "RprocHost", targets: ["RprocHost"]),
        .library(name: "DeviceFiles", targets: ["DeviceFiles"]),
        // For tests of what uses RprocHost.
        .library(name: "RprocHostDoubles", targets: ["RprocHostDoubles"]),
        // For scripts/fuzz-images, which links it with the fuzzer's main.
        .library(name: "ImageFuzzing", type: .static, targets: ["ImageFuzzing"]),
        // The same for scripts/fuzz-debugger.
        .library(name: "DebuggerFuzzing", type: .static, targets: ["DebuggerFuzzing"]),
    ],
    dependencies: [
        dependency("https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    ],
    targets: [
        // Addresses, virtual time, the event queue: what every module speaks.
        .target(name: "MachineBase"),
        // Reading ELF32 files; used by the secure loader, the Linux side and the command.
        .target(name: "ELF32", dependencies: ["MachineBase"]),
        // What is in a firmware file, signed or plain, for whoever looks at it.
        .target(name: "ImageFormat", dependencies: ["MachineBase", "ELF32", "SourceLines"]),
        // Debugging information, by elfutils' libdw, which is loaded when a line is asked for and not linked.
        .target(name: "CDebugInfo"),
        .target(name: "SourceLines", dependencies: ["CDebugInfo", "MachineBase", "ELF32"]),

        // The decoder of Thumb instructions, for all that reads code.
        .target(name: "CThumb"),
        // The engine: the system's library, and everything C around it.
        .systemLibrary(name: "CLibUnicorn", pkgConfig: "unicorn", providers: [.apt(["libunicorn-dev"])]),
        .target(name: "CUnicorn", dependencies: ["CLibUnicorn", "CThumb"]),

        // What a chip is: its registers by name, memories, lines and channels, a folder for each. Everything above asks it.
        .target(name: "CRegisterMap"),
        .target(name: "CSTM32MP157", dependencies: ["CRegisterMap"]),
        .target(name: "Chips", dependencies: ["MachineBase", "CRegisterMap", "CSTM32MP157"]),
        // Core and peripherals. Neither knows the engine.
        .target(name: "CortexM", dependencies: ["MachineBase", "CThumb"]),
        .target(name: "MP1Peripherals", dependencies: ["MachineBase", "Chips", "CRegisterMap"]),
        // The machine: core, memory and peripherals on the engine.
        .target(name: "M4Board", dependencies: ["MachineBase", "Chips", "CUnicorn", "CThumb", "CortexM", "MP1Peripherals", "SourceLines"]),

        // Hashes, keys, signatures, tokens: GnuTLS, which is loaded when it is needed and not linked.
        .target(name: "CGnuTLS"),
        // OP-TEE.
        .target(name: "SecureLoader", dependencies: ["CGnuTLS", "MachineBase", "ELF32", "ImageFormat", "Chips"]),
        // Signed images with the TA's answer to each, for tests and comparisons; m4run-corpus writes them to files.
        .target(
            name: "ImageCorpus", dependencies: ["SecureLoader", "ImageFormat", "MachineBase", "ELF32", "Chips"]),
        .executableTarget(
            name: "m4run-corpus", dependencies: ["ImageCorpus", "SecureLoader"]),
        .target(
            name: "ImageFuzzing", dependencies: ["SecureLoader", "ImageFormat", "MachineBase", "ELF32"]),
        // Linux.
        .target(name: "RprocHost", dependencies: ["MachineBase", "ELF32", "Chips"]),
        // Flattened device trees; libfdt has no pkg-config file on Debian 12.
        .systemLibrary(name: "CLibFDT", providers: [.apt(["libfdt-dev"])]),
        .target(name: "DeviceTree", dependencies: ["MachineBase", "CLibFDT"]),
        // The coprocessor's node of a device tree, as Linux's driver and OP-TEE's read it.
        .target(name: "RprocDeviceTree", dependencies: ["DeviceTree", "RprocHost", "SecureLoader", "MachineBase", "Chips"]),
        // The page that QEMU's plugin (linux-bridge/) and the board share, and a child that ends with its parent.
        .target(name: "CLinuxBridge"),
        // A Linux guest in QEMU beside the board: files, device tree, process, interrupts.
        .target(
            name: "LinuxGuest", dependencies: ["CLinuxBridge", "M4Board", "MP1Peripherals", "DeviceTree", "RprocHost", "ELF32", "ImageFormat", "MachineBase", "Chips"]),
        // Threads of the firmware's RTOS, from its symbols and memory.
        .target(name: "RTOSThreads"),
        // Board, OP-TEE and Linux under one clock.
        .target(name: "VirtualMP1", dependencies: ["RTOSThreads", "M4Board", "SecureLoader", "RprocHost", "ELF32", "ImageFormat", "Chips", "SourceLines"]),
        // YAML; libyaml has a pkg-config file, which would link the shared library.
        .systemLibrary(name: "CLibYAML", providers: [.apt(["libyaml-dev"])]),
        .systemLibrary(name: "CEpoll"),
        // The machine's devices and control files for other programs: pseudo-terminals, sockets, a file system.
        .target(name: "DeviceFiles", dependencies: ["CEpoll", "VirtualMP1", "M4Board", "RprocHost", "MachineBase"]),
        // The remote serial protocol's server, for gdb and what speaks its protocol.
        .target(
            name: "Debugger", dependencies: ["VirtualMP1", "RTOSThreads", "M4Board", "RprocHost", "CortexM", "ImageFormat", "ELF32", "Chips", "MachineBase"]),
        .target(name: "DebuggerFuzzing", dependencies: ["Debugger", "M4Board"]),
        // Version, commit, the pages of docs/reference.
        .target(name: "CBuildInfo"),
        // Those pages as text for terminals and as roff.
        .target(name: "Manual"),
        .executableTarget(
            name: "m4run",
            dependencies: [
                "CBuildInfo", "CLibYAML", "Manual", "VirtualMP1", "M4Board", "DeviceFiles", "Debugger", "RprocDeviceTree", "DeviceTree", "LinuxGuest", "ImageFormat", "ELF32", "Chips", "SourceLines",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            linkerSettings: staticLibraries + staticYAML + linkRecord),

        // Loads and times rpmsg through firmware, and the Linux side alone; `make bench` runs it.
        .executableTarget(name: "m4run-rpmsg", dependencies: ["VirtualMP1", "RprocHost", "RprocHostDoubles", "MachineBase"]),

        // RprocHost's virtqueue beside the kernel's own virtio_ring.c; `make kernel-ring` compiles that and runs it.
        .executableTarget(name: "m4run-ring", dependencies: ["RprocHost", "MachineBase", "Chips"]),

        // What stands in for the machine, the firmware and the TA under the Linux side.
        .target(name: "RprocHostDoubles", dependencies: ["RprocHost", "ELF32", "Chips", "MachineBase"], path: "Tests/RprocHostDoubles"),
        // What tests share: an assembler, a board with a program, choices from a seed, where the samples and programs are.
        .target(name: "TestSupport", dependencies: ["M4Board", "CortexM", "Chips", "MachineBase"], path: "Tests/TestSupport"),
        // Writes blobs, whole and damaged, for tests.
        .target(name: "DeviceTreeFixtures", path: "Tests/DeviceTreeFixtures"),
        .testTarget(name: "MachineBaseTests", dependencies: ["MachineBase"], swiftSettings: unoptimized),
        .testTarget(name: "ManualTests", dependencies: ["Manual"], swiftSettings: unoptimized),
        .testTarget(name: "ELF32Tests", dependencies: ["ELF32"], swiftSettings: unoptimized),
        // A chip that nobody makes, with everything elsewhere: a constant of another chip's that is left somewhere fails on it.
        .target(name: "SecondChip", dependencies: ["Chips", "CRegisterMap", "MachineBase"], path: "Tests/SecondChip"),
        .testTarget(name: "ChipsTests", dependencies: ["Chips", "SecondChip", "MachineBase"], swiftSettings: unoptimized),
        .testTarget(name: "CortexMTests", dependencies: ["CortexM"], swiftSettings: unoptimized),
        .testTarget(name: "MP1PeripheralsTests", dependencies: ["MP1Peripherals", "Chips", "SecondChip"], swiftSettings: unoptimized),
        .testTarget(name: "M4BoardTests", dependencies: ["M4Board", "Chips", "ELF32", "MP1Peripherals", "SecondChip", "SourceLines", "TestSupport"], swiftSettings: unoptimized),
        .testTarget(name: "RTOSThreadsTests", dependencies: ["RTOSThreads"], swiftSettings: unoptimized),
        .testTarget(name: "SourceLinesTests", dependencies: ["SourceLines", "ELF32", "TestSupport"], exclude: ["Program"], swiftSettings: unoptimized),
        .testTarget(name: "ImageFormatTests", dependencies: ["ImageFormat", "ELF32", "TestSupport"], swiftSettings: unoptimized),
        .testTarget(name: "SecureLoaderTests", dependencies: ["SecureLoader", "ImageFormat", "Chips"], swiftSettings: unoptimized),
        .testTarget(name: "ImageCorpusTests", dependencies: ["ImageCorpus", "TestSupport"], swiftSettings: unoptimized),
        .testTarget(name: "RprocHostTests", dependencies: ["RprocHost", "RprocHostDoubles"], swiftSettings: unoptimized),
        .testTarget(name: "DeviceTreeTests", dependencies: ["DeviceTree", "DeviceTreeFixtures"], swiftSettings: unoptimized),
        .testTarget(name: "RprocDeviceTreeTests", dependencies: ["RprocDeviceTree", "DeviceTreeFixtures", "RprocHost", "SecondChip", "TestSupport"], swiftSettings: unoptimized),
        .testTarget(
            name: "LinuxGuestTests",
            dependencies: ["LinuxGuest", "CLinuxBridge", "ELF32", "ImageFormat", "DeviceTree", "RprocDeviceTree", "RprocHost", "SecondChip", "TestSupport"], swiftSettings: unoptimized),
        .testTarget(name: "VirtualMP1Tests", dependencies: ["VirtualMP1", "M4Board", "ELF32", "ImageFormat", "Chips", "SecondChip", "TestSupport"], swiftSettings: unoptimized),
        .testTarget(name: "DebuggerTests", dependencies: ["Debugger", "M4Board"], swiftSettings: unoptimized),
        // Runs the command as a process, with the samples.
        .testTarget(name: "m4runTests", dependencies: ["M4Board", "DeviceTreeFixtures", "TestSupport"], swiftSettings: unoptimized),
    ],
    swiftLanguageModes: [.v6]
)
