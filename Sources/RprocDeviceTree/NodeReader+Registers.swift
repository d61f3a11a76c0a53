// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import DeviceTree
import MachineBase
import RprocHost

/// Reset lines and the registers of other blocks, as `stm32_rproc_parse_dt` asks for them.
extension NodeReader {
    /// - Returns: where the hold boot comes from.
    mutating func readRegisters() throws(CoprocessorNodeError) -> String {
        guard binding.driver == .stm32Rproc else { return "OP-TEE" }
        var source = "OP-TEE"
        if binding.hasResets {
            try readReset()
            source = try readHoldBoot()
        }
        // Nothing but a line in the log comes of what is missing from here on.
        configuration.registers.powerDown = optional("st,syscfg-pdds")
        configuration.registers.m4State = optional("st,syscfg-m4-state")
        configuration.registers.resourceTable = configuration.registers.m4State == nil ? nil : optional("st,syscfg-rsc-tbl")
        return source
    }

    private func resetNames() -> [String] { (try? node.strings("reset-names")) .flatMap { $0 } ?? [] }

    private mutating func readReset() throws(CoprocessorNodeError) {
        let list = node.references("resets", cells: "#reset-cells")
        let index = resetNames().firstIndex(of: "mcu_rst") ?? 0
        guard let list, index < list.entries.count else {
            let fault = list?.fault ?? PropertyFault(node, "resets", seen: list.map { "\($0.entries.count) entries" } ?? "nothing", allowed: "the M4's reset line")
            throw refuse(fault, .noEntry, "failed to get mcu_reset", probe: true)
        }
        if let register = register(list.entries[index]) { configuration.registers.reset = register }
    }

    private mutating func readHoldBoot() throws(CoprocessorNodeError) -> String {
        if let index = resetNames().firstIndex(of: "hold_boot") {
            let list = node.references("resets", cells: "#reset-cells")
            guard let list, index < list.entries.count else {
                let fault = list?.fault ?? PropertyFault(node, "resets", seen: "\(list?.entries.count ?? 0) entries", allowed: "\(index + 1): reset-names has hold_boot as number \(index + 1)")
                throw refuse(fault, .noEntry, "failed to get hold_boot reset", probe: true)
            }
            if let register = register(list.entries[index]) { configuration.registers.holdBoot = register }
            return "resets of \(list.entries[index].node.path)"
        }
        switch systemRegister("st,syscfg-holdboot") {
        case .success(let register):
            configuration.registers.holdBoot = register
            return "st,syscfg-holdboot"
        case .failure(let problem): throw refuse(problem.fault, problem.errno, "failed to get hold boot")
        }
    }

    /// The register bit behind a line of the RCC, whose numbers are bits counted from the block's first. Others, as the SCMI
    /// server's, do the same to the same bits.
    private func register(_ line: Reference) -> SystemRegister? {
        guard line.node.compatible.contains(where: { $0.hasPrefix(chip.deviceTree.resetController) }), let id = line.arguments.first,
            let base = Self.base(line.node)
        else { return nil }
        let address = base.addingReportingOverflow(id / 32 * 4)
        return address.overflow ? nil : SystemRegister(address.partialValue, mask: 1 << (id % 32))
    }

    private static func base(_ node: Node) -> UInt32? {
        guard let reg = (try? node.registers())??.first, let address = (try? node.translate(reg.start)) ?? nil else { return nil }
        return UInt32(exactly: address)
    }

    private struct Problem: Error {
        var fault: PropertyFault
        var errno: Errno
    }

    private mutating func optional(_ name: String) -> SystemRegister? {
        switch systemRegister(name) {
        case .success(let register): return register
        case .failure(let problem):
            if node.has(name) { warn(problem.fault, "Linux goes on without it") }
            return nil
        }
    }

    /// `<&block offset mask>`: the block must be a system controller with an address.
    private func systemRegister(_ name: String) -> Result<SystemRegister, Problem> {
        func problem(_ errno: Errno, _ seen: String, _ allowed: String) -> Result<SystemRegister, Problem> {
            .failure(Problem(fault: PropertyFault(node, name, seen: seen, allowed: allowed), errno: errno))
        }
        let shape = "a phandle, an offset and a mask"
        let cells: [UInt32]?
        do throws(PropertyFault) { cells = try node.cells(name) } catch { return .failure(Problem(fault: error, errno: .overflow)) }
        guard let cells, let phandle = cells.first else { return problem(.noDevice, "nothing", shape) }
        guard let block = node.node(phandle: phandle) else { return problem(.noDevice, "phandle 0x\(String(phandle, radix: 16))", "one that a node has") }
        guard block.isCompatible("syscon") else { return problem(.invalid, "\(block.path), compatible \(block.compatible)", "a node that is a \"syscon\"") }
        guard let base = Self.base(block) else { return problem(.noMemory, "\(block.path) without an address", "a block of registers") }
        guard cells.count >= 3 else { return problem(.overflow, "\(cells.count) cells", shape) }
        let address = base.addingReportingOverflow(cells[1])
        guard !address.overflow, address.partialValue & 3 == 0 else { return problem(.invalid, "offset 0x\(String(cells[1], radix: 16)) of \(block.path)", "a word's") }
        return .success(SystemRegister(address.partialValue, mask: cells[2]))
    }
}
