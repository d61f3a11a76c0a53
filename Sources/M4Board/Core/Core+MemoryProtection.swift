import CUnicorn
import CortexM

// The MPU in the engine: permissions by page of 1 KiB, and by byte where a region's boundary divides a page.
// Source: ARMv7-M ARM, B3.5.
extension Core {
    /// Brings the engine in line with the MPU's registers. Not while it runs.
    func updatePermissions() {
        let raw = engine.raw
        raw.pointee.grants = false
        raw.pointee.page_permission = !mpuMatters ? nil : { context, page, privileged in
            guard let context else { return 0 }
            return Unmanaged<M4Board>.fromOpaque(context)._withUnsafeGuaranteedRef { $0.core.permission(ofPage: page, privileged: privileged) }
        }
        m4_engine_flush_permissions(raw)
    }

    var mpuMatters: Bool { scs.mpu.matters(pageSize: UInt32(M4_PAGE_SIZE), exact: enforcesSmallRegions) }

    private func permission(ofPage page: UInt32, privileged: Bool) -> UInt32 {
        guard mpuApplies else { return UInt32(M4_READ.rawValue | M4_WRITE.rawValue | M4_EXECUTE.rawValue) }
        return UInt32(scs.mpu.permission(ofPage: page, size: UInt32(M4_PAGE_SIZE), privileged: privileged, exact: enforcesSmallRegions).rawValue)
    }

    /// Handlers of HardFault and NMI run without it unless CTRL.HFNMIENA is set.
    private var mpuApplies: Bool {
        scs.mpu.isOn && (scs.mpu.appliesToHardFault || scs.exceptions.activePriority >= 0)
    }

    var isPrivileged: Bool { engine.exception.value != 0 || engine.control & 1 == 0 }

    /// Whether stacking or unstacking may access a frame.
    func mpuAllows(_ wanted: MemoryProtection.Permission, frame: UInt32, size: UInt32, privileged: Bool) -> Bool {
        !mpuApplies || !mpuMatters || scs.mpu.allows(wanted, at: frame, count: size, privileged: privileged)
    }

    /// The engine refused a page that a region divides, and the access lies in the part that is allowed: it may go on to the
    /// block's end with the page open.
    func grants(_ access: ThumbInstruction.Access, inPage page: UInt32) -> Bool {
        guard mpuApplies, enforcesSmallRegions,
            scs.mpu.allows(access.isWrite ? .write : .read, at: access.address, count: access.count, privileged: isPrivileged)
        else { return false }
        // Twice without an instruction in between: it spans two such pages.
        let again = grantedAt == cycles
        grantedAt = cycles
        engine.raw.pointee.granted_page = again ? 1 : page
        engine.raw.pointee.grants = true
        return true
    }
}
