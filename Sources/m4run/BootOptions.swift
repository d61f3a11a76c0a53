import ArgumentParser
import MachineBase
import RprocHost
import SecureLoader
import VirtualMP1

// What `run` and `doctor` make of their options on booting.
extension Run.BootOptions {
    func check() throws {
        if !key.isEmpty && unverified { throw ValidationError("--key and --unverified exclude each other") }
        if !boot.usesTEE && (!key.isEmpty || unverified || acceptECDSA || isolation != .segments) {
            throw ValidationError("--key, --unverified, --accept-ecdsa and --isolation are for OP-TEE, which takes no part in --boot elf")
        }
    }

    /// What is plainly wrong with the file `path` for this boot sequence; nil when nothing is.
    func unfit(_ image: [UInt8], _ path: String) -> String? {
        let isELF = image.starts(with: [0x7F, 0x45, 0x4C, 0x46])
        let magic: UInt32? = image.littleEndian(at: 0)
        let isSigned = magic == SignedImageHeader.magic
        if isELF && boot.usesTEE {
            return "\(path): an unsigned ELF, which OP-TEE refuses; sign it with 'm4run sign', or run it without OP-TEE: --boot elf"
        }
        if isSigned && !boot.usesTEE {
            return "\(path): a signed image, which --boot elf cannot load; leave --boot out"
        }
        if isSigned && key.isEmpty && !unverified {
            return "\(path): a signed image needs the key to check it with: --key PUBLIC.pem, or --unverified to load it all the same"
        }
        return nil
    }

    /// - Throws: a mistake in a key file.
    func configuration(_ path: String) throws -> SystemConfiguration {
        var configuration = SystemConfiguration(boot: boot, signatures: try signatures(path))
        configuration.signatureSupport = acceptECDSA ? .rsaAndECDSA : .rsaOnly
        configuration.isolation = isolation
        configuration.board.ddrSize = ddr.multipliedReportingOverflow(by: 1 << 20).overflow ? .max : ddr << 20
        return configuration
    }

    private func signatures(_ path: String) throws -> SignaturePolicy {
        guard boot.usesTEE else { return .trusted([]) }
        if unverified {
            Console.note("WARNING: --unverified: the signature of \(path) is NOT checked; whoever made it also made the hashes")
            return .unverified
        }
        return .trusted(try key.map(TrustedKeys.read))
    }
}
