// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ArgumentParser
import Chips
import ImageFormat
import MachineBase
import RprocHost
import SecureLoader
import VirtualMP1

// What `run` and `doctor` make of their options on booting.
extension Run.BootOptions {
    func check() throws {
        if !key.isEmpty && unverified { throw ValidationError("--key and --unverified exclude each other") }
        try DDRHelp.check(ddr)
        // Without --boot a device tree decides; then TreeOptions looks.
        if requested == .elf && wantsTEE {
            throw ValidationError("--key, --unverified, --accept-ecdsa, --isolation and --optee-dtb are for OP-TEE, which takes no part in --boot elf")
        }
    }

    /// Whether there is an option that means nothing without OP-TEE.
    var wantsTEE: Bool { !key.isEmpty || unverified || acceptECDSA || isolation != .segments || opteeDtb != nil }

    /// What is plainly wrong with the file `path` for this boot sequence; nil when nothing is.
    func unfit(_ image: FirmwareImage, _ path: String, _ boot: BootSequence) -> String? {
        let isELF = image.kind == .elf, isSigned = image.kind == .signed
        if isELF && boot.usesTEE {
            return "\(path): an unsigned ELF, which OP-TEE refuses; sign it with 'm4run sign', or run it without OP-TEE: --boot elf"
        }
        if isSigned && !boot.usesTEE {
            return "\(path): a signed image, which --boot elf cannot load; " + (requested == nil ? "the device tree has no node for OP-TEE" : "leave --boot out")
        }
        if isSigned && key.isEmpty && !unverified {
            return "\(path): a signed image needs the key to check it with: --key PUBLIC.pem, or --unverified to load it all the same"
        }
        return nil
    }

    /// - Throws: a mistake in a key file.
    func configuration(_ path: String, _ tree: TreeOptions) throws -> SystemConfiguration {
        var configuration = SystemConfiguration(.chosen, boot: tree.boot, signatures: try signatures(path, tree.boot))
        tree.apply(to: &configuration)
        configuration.signatureSupport = acceptECDSA ? .rsaAndECDSA : .rsaOnly
        configuration.isolation = isolation
        configuration.board.ddrSize = ddr << 20
        if let missing = tree.missingDDR(ddr) { Console.note("\(dtb ?? ""): \(missing)", .warning) }
        configuration.board.soc.mcuClock = mcuClock.clock
        return configuration
    }

    private func signatures(_ path: String, _ boot: BootSequence) throws -> SignaturePolicy {
        guard boot.usesTEE else { return .trusted([]) }
        if unverified {
            Console.note("WARNING: --unverified: the signature of \(path) is NOT checked; whoever made it also made the hashes", .warning)
            return .unverified
        }
        return .trusted(try key.map(TrustedKeys.read))
    }
}
