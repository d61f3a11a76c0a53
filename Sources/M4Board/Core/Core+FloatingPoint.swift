// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CUnicorn
import CortexM

// Lazy stacking: the frame of an exception waits for the FPU's registers until the FPU is used again. Source: ARMv7-M ARM, B1.5.7.
extension Core {
    /// A block that uses the FPU comes next: the registers go where FPCAR says.
    func storeDeferredFPContext() {
        let address = scs.fpContextAddress
        let allowed = mpuAllows(.write, frame: address, size: 17 * 4, privileged: !scs.isFPContextUnprivileged)
        if allowed, pushFloatingPoint(at: address) {
            scs.clearFPContextDeferred()
            engine.raw.pointee.fp_deferred = false
            return
        }
        let fault = allowed ? Fault.deferredStackingBus : .deferredStackingAccess
        if scs.mayTakeDeferred(fault) {
            raise(fault, at: nextPC)
        } else {
            // What could not have been taken when the frame was made is not taken now.
            scs.note(fault)
            raise(Fault(.hardFault, hfsr: 1 << 30), at: nextPC)
        }
    }
}
