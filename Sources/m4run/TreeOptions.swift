import DeviceTree
import RprocDeviceTree
import RprocHost
import SecureLoader
import VirtualMP1

/// What `--boot`, `--dtb` and `--optee-dtb` come to.
struct TreeOptions {
    let boot: BootSequence
    private let linux: HostConfiguration?
    private let secureMemory: ProcessorMemory?

    init(_ options: Run.BootOptions) throws {
        var secureMemory: ProcessorMemory?
        if let path = options.dtb {
            let tree = try Self.tree(path)
            let node = try Self.named(path) { () throws(CoprocessorNodeError) in try CoprocessorNode(tree) }
            let configuration = try Self.named(path) { () throws(CoprocessorNodeError) in try node.hostConfiguration(options.requested) }
            boot = configuration.bootSequence
            if options.requested == nil, !boot.usesTEE, options.wantsTEE {
                throw UsageError(
                    "\(path): \(node.path): \(node.why): this is a node for --boot elf, in which OP-TEE takes no part; "
                        + "--key, --unverified, --accept-ecdsa, --isolation and --optee-dtb are for OP-TEE")
            }
            linux = configuration
            secureMemory = node.secureMemory
            for warning in node.warnings { Console.note("\(path): \(warning)") }
        } else {
            boot = options.requested ?? .teeV3
            linux = nil
        }
        if let path = options.opteeDtb {
            let tree = try Self.tree(path)
            secureMemory = try Self.named(path) { () throws(CoprocessorNodeError) in try SecureNode.memory(tree) }
        }
        self.secureMemory = secureMemory
    }

    func apply(to configuration: inout SystemConfiguration) {
        if let linux { configuration.linux = linux }
        if let secureMemory { configuration.secureMemory = secureMemory }
    }

    static func tree(_ path: String) throws -> DeviceTree {
        let blob = try InputFile.read(path)
        do throws(DeviceTreeError) { return try DeviceTree(blob) } catch { throw UsageError("\(path): \(error)") }
    }

    /// The file's name before what is wrong with it.
    private static func named<R>(_ path: String, _ body: () throws(CoprocessorNodeError) -> R) throws -> R {
        do throws(CoprocessorNodeError) { return try body() } catch { throw UsageError("\(path): \(error)") }
    }
}
