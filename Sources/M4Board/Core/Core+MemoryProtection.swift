// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CUnicorn
import CortexM

// The MPU in the engine: permissions by page of 1 KiB, and by granule of 32 bytes where a region's boundary divides a page.
// Source: ARMv7-M ARM, B3.5.
extension Core {
    /// The MPU as it was when the engine was last told of it in force.
    struct AppliedProtection {
        /// CTRL; nil when the engine has to be told all.
        var control: UInt32?
        var region = MemoryProtection().region
    }

    /// Brings the engine in line with the MPU's registers. Not while it runs.
    func updatePermissions() {
        let raw = engine.raw
        if scs.isMPUOn, m4_engine_map_shadows(raw) != UC_ERR_OK { pendingStop = .engine("no room for the pages that the MPU divides") }
        raw.pointee.page_permission = !scs.isMPUOn ? nil : { core, page, privileged, allows in
            guard let core, let allows else { return }
            Unmanaged<Core>.fromOpaque(core)._withUnsafeGuaranteedRef { allows.pointee = $0.division(ofPage: page, privileged: privileged) }
        }
        prioritySignChanged()
    }

    /// Handlers of HardFault and NMI, and code under FAULTMASK, run without it unless CTRL.HFNMIENA is set. Not while the engine runs.
    func prioritySignChanged() {
        mpuApplies = scs.isMPUOn && (scs.mpu.appliesToHardFault || m4_engine_execution_priority(engine.raw) >= 0)
        guard mpuApplies else {
            m4_engine_permissions_widened(engine.raw)
            return
        }
        withUnsafeTemporaryAllocation(of: m4_watched.self, capacity: 2 * MemoryProtection.regions) { ranges in
            var count = 0
            for number in 0..<MemoryProtection.regions {
                let old = derived.pointee.appliedProtection.region[number], new = scs.mpu.region[number]
                guard old != new else { continue }
                for addresses in [old.addresses, new.addresses] {
                    guard let addresses else { continue }
                    ranges[count] = m4_watched(first: addresses.lowerBound, last: addresses.upperBound)
                    count += 1
                }
                derived.pointee.appliedProtection.region[number] = new
            }
            if derived.pointee.appliedProtection.control == scs.mpu.control {
                m4_engine_permissions_changed(engine.raw, ranges.baseAddress, UInt32(count))
            } else {
                m4_engine_flush_permissions(engine.raw)
            }
        }
        derived.pointee.appliedProtection.control = scs.mpu.control
    }

    private func division(ofPage page: UInt32, privileged: Bool) -> m4_division {
        let division = scs.mpu.division(ofPage: page, privileged: privileged, isInForce: mpuApplies)
        return m4_division(read: division.read, write: division.write, execute: division.execute)
    }

    public var isPrivileged: Bool { engine.exception.value != 0 || engine.control & 1 == 0 }

    /// Whether stacking or unstacking may access a frame.
    func mpuAllows(_ wanted: MemoryProtection.Permission, frame: UInt32, size: UInt32, privileged: Bool) -> Bool {
        !mpuApplies || scs.mpu.allows(wanted, at: frame, count: size, privileged: privileged)
    }
}
