// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// The machine as OP-TEE's remoteproc driver sees it: the coprocessor's memory from the secure side, and its reset lines.
///
/// Physical addresses may name one memory twice, by an alias window: folding windows onto memory is the
/// platform's business, for accesses and for protection alike.
public protocol SecurePlatform: AnyObject {
    /// Secure accesses: protection does not apply to them.
    func read(_ range: PhysicalRange) throws(BusError) -> [UInt8]
    func write(_ bytes: [UInt8], at address: PhysicalAddress) throws(BusError)
    func fill(_ range: PhysicalRange, with byte: UInt8) throws(BusError)

    /// RCC_MP_GCR.BOOT_MCU, seen from the driver: asserted keeps the core from starting after its next reset.
    func setHoldBoot(_ asserted: Bool)
    /// RCC_MP_GRSTCSETR.MCURST: resets the core. Hardware lets go of it by itself.
    func assertMCUReset()

    /// Takes the ranges from the non-secure bus in place of any earlier ones, in the name of `owner`: from now on a
    /// non-secure access to them is a bus error. An empty list gives everything back.
    func protect(_ ranges: [PhysicalRange], owner: String)
}
