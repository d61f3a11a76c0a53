// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// QEMU's command line for a guest, with the descriptors that it is given.
///
/// Everything but the kernel's image goes to QEMU as an open descriptor, so nothing has a name that another user could take or that could be left.
struct QEMUCommand {
    /// What the child has open, by its numbers from 0 on.
    private(set) var descriptors: [OwnedDescriptor]
    private(set) var arguments: [String]

    /// Slots of the PCI bus for the chip's memories and their aliases.
    static func memoryDevices(_ layout: GuestLayout) -> [(bank: GuestLayout.Bank, slot: UInt32, address: UInt32)] {
        layout.windows.enumerated().map { ($1.bank, UInt32($0 + 1), $1.start) }
    }

    /// - Parameters:
    ///   - input, log: standard input; standard output and error.
    init(program: String, input: OwnedDescriptor, log: OwnedDescriptor) {
        descriptors = [input, log, log]
        arguments = [
            program, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-S", "-accel", "tcg,tb-size=128", "-cpu", "cortex-a15",
            "-smp", "1", "-name", "m4run",
        ]
    }

    private mutating func give(_ descriptor: OwnedDescriptor) -> Int {
        descriptors.append(descriptor)
        return descriptors.count - 1
    }
    private mutating func path(_ descriptor: OwnedDescriptor) -> String { "/dev/fd/\(give(descriptor))" }

    /// The guest's memory first: see `GuestLayout.ramSize`.
    mutating func add(memory: (GuestLayout.Bank) -> OwnedDescriptor, layout: GuestLayout) {
        func backend(_ name: String, _ path: String, _ size: Int) -> [String] {
            ["-object", "memory-backend-file,id=\(name),size=\(size),mem-path=\(path),share=on"]
        }
        arguments += backend("ram", path(memory(.ram)), layout.ramSize)
        arguments += ["-machine", "virt,highmem=off,gic-version=2,memory-backend=ram", "-m", "\(layout.ramSize >> 20)M"]
        for (bank, slot, _) in Self.memoryDevices(layout) {
            arguments += backend("bank\(slot)", path(memory(bank)), layout.size(bank))
            arguments += ["-device", "ivshmem-plain,memdev=bank\(slot),addr=\(slot)"]
        }
    }

    /// - Parameter kernel: a file's path.
    mutating func add(kernel: String, commandLine: String, initramfs: OwnedDescriptor, tree: OwnedDescriptor) {
        arguments += ["-kernel", kernel, "-append", commandLine, "-initrd", path(initramfs), "-dtb", path(tree)]
    }

    mutating func add(plugin: String, page: OwnedDescriptor, watches: [(start: UInt32, length: UInt32)]) {
        let ranges = watches.map { ",watch=0x\(String($0.start, radix: 16))+\($0.length)" }.joined()
        arguments += ["-plugin", "\(Self.value(plugin)),page=\(path(page))\(ranges)"]
    }

    mutating func add(console: OwnedDescriptor, qtest: OwnedDescriptor, monitor: OwnedDescriptor) {
        arguments += ["-chardev", "socket,id=console,fd=\(give(console))", "-serial", "chardev:console"]
        arguments += ["-chardev", "socket,id=qtest,fd=\(give(qtest))", "-qtest", "chardev:qtest", "-qtest-log", "/dev/null"]
        arguments += ["-chardev", "socket,id=monitor,fd=\(give(monitor))", "-mon", "chardev=monitor,mode=control"]
    }

    /// Ports of a virtio console in slot 0, which the guest knows by their names.
    /// - Parameter terminal: a socket that listens, for a console of the same device: the guest's hvc0.
    mutating func add(ports: [(name: String, descriptor: OwnedDescriptor)], terminal: OwnedDescriptor?) {
        arguments += ["-global", "virtio-mmio.force-legacy=false", "-device", "virtio-serial-device,bus=virtio-mmio-bus.0,id=ports"]
        for (index, port) in ports.enumerated() {
            arguments += ["-chardev", "socket,id=port\(index),fd=\(give(port.descriptor))"]
            arguments += ["-device", "virtserialport,bus=ports.0,chardev=port\(index),name=\(port.name),nr=\(index + 1)"]
        }
        guard let terminal else { return }
        arguments += ["-chardev", "socket,id=terminal,fd=\(give(terminal)),server=on,wait=off", "-device", "virtconsole,bus=ports.0,chardev=terminal,nr=0"]
    }

    /// A folder of the host's, in slot 1.
    mutating func add(share: String, tag: String) {
        arguments += ["-fsdev", "local,id=share,path=\(Self.value(share)),security_model=none"]
        arguments += ["-device", "virtio-9p-device,bus=virtio-mmio-bus.1,fsdev=share,mount_tag=\(tag)"]
    }

    /// A value as QEMU's options have it: a comma is doubled.
    private static func value(_ text: String) -> String { text.split(separator: ",", omittingEmptySubsequences: false).joined(separator: ",,") }
}
