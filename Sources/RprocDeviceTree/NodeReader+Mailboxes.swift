// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import DeviceTree
import RprocHost

/// `mboxes` and `mbox-names`, as `stm32_rproc_request_mbox` asks for them: by name, and without most of them if need be.
extension NodeReader {
    mutating func readMailboxes() throws(CoprocessorNodeError) {
        let controller = chip.deviceTree.mailbox, channels = UInt32(chip.mailbox.channelCount)
        var names: [String] = []
        do throws(PropertyFault) { names = try node.strings("mbox-names") ?? [] } catch { warn(error, "Linux finds no mailbox by its name") }
        let list = node.references("mboxes", cells: "#mbox-cells") ?? ReferenceList()
        var taken: [UInt32] = []
        var refusals: [String: MailboxRefusal] = [:]
        func channel(_ name: String, _ reader: inout NodeReader) throws(CoprocessorNodeError) -> Int? {
            guard let index = names.firstIndex(of: name) else { return nil }
            guard index < list.entries.count else {
                let fault = list.fault ?? PropertyFault(reader.node, "mboxes", seen: "\(list.entries.count) entries", allowed: "\(index + 1): mbox-names has \(name) as number \(index + 1)")
                reader.warn(fault, "Linux gets no \(name) mailbox")
                refusals[name] = .notReferenced
                return nil
            }
            let entry = list.entries[index]
            if let off = entry.node.disabledAt {
                let fault = PropertyFault(reader.node, "mboxes", seen: "\(entry.node.path), whose status is \"\(off.status ?? "")\"", allowed: "an available mailbox")
                throw .probe(fault, .probeDefer, log: nil)
            }
            guard entry.node.isCompatible(controller) else {
                let fault = PropertyFault(reader.node, "mboxes", seen: "\(entry.node.path), compatible \(entry.node.compatible), for \(name)", allowed: "the IPCC, \"\(controller)\"")
                throw .tree(.property(fault))
            }
            guard let number = entry.arguments.first, number < channels else {
                reader.warn(PropertyFault(reader.node, "mboxes", seen: "channel \(entry.arguments) for \(name)", allowed: "0 to \(channels - 1)"), "Linux gets no \(name) mailbox")
                refusals[name] = .outOfRange
                return nil
            }
            guard !taken.contains(number) else {
                reader.warn(PropertyFault(reader.node, "mboxes", seen: "channel \(number) again for \(name)", allowed: "one of its own"), "Linux gets no \(name) mailbox")
                refusals[name] = .taken
                return nil
            }
            taken.append(number)
            return Int(number)
        }
        var result = MailboxChannels(chip)
        result.vq0 = try channel("vq0", &self)
        result.vq1 = try channel("vq1", &self)
        result.shutdown = try channel("shutdown", &self)
        result.detach = binding.driver == .stm32Rproc ? try channel("detach", &self) : nil
        result.refusals = refusals
        configuration.mailboxes = result
        let firmware = chip.mailbox.channels
        let expected = [
            (result.vq0, firmware.vq0, "vq0"), (result.vq1, firmware.vq1, "vq1"), (result.shutdown, firmware.shutdown, "shutdown"),
            (result.detach, firmware.detach, "detach"),
        ]
        for (got, usual, name) in expected {
            if let got, got != usual { warn(node, "mboxes", "\(name) is channel \(got); ST's firmware has \(usual)") }
        }
        for name in ["vq0", "vq1"] where result.named.first(where: { $0.name == name })?.channel == nil {
            warn(node, "mbox-names", "no \(name): rpmsg has no doorbell for vring\(name.suffix(1))")
        }
    }
}
