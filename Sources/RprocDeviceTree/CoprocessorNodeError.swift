// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import DeviceTree
import RprocHost

/// Why a device tree gives no coprocessor. Each names node and property, what was seen and what is allowed.
public enum CoprocessorNodeError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The blob, or a property that no driver could read.
    case tree(DeviceTreeError)
    /// No node has one of the compatibles that the chip's coprocessor can have.
    case noNode(model: String, nodes: Int, allowed: [String])
    /// The node, or one above it, is not available: Linux makes no device of it.
    case disabled(node: String, at: String, status: String)
    /// What was asked for is not what the node is for.
    case contradiction(node: String, seen: String, asked: BootSequence, allowed: [BootSequence])
    /// Linux's driver refuses the node in its probe: errno, and the line it logs (nil for one that only waits).
    case probe(PropertyFault, Errno, log: String?)
    /// OP-TEE's driver refuses the node in its probe.
    case secureWorld(PropertyFault)

    public var description: String {
        switch self {
        case .tree(let error): return error.description
        case .noNode(let model, let nodes, let allowed):
            return "no coprocessor in the device tree\(model.isEmpty ? "" : " of \(model)"): none of \(nodes) nodes has a compatible of "
                + allowed.joined(separator: ", ")
        case .disabled(let node, let at, let status):
            return "\(node): status\(at == node ? "" : " of \(at)"): \"\(status)\", so Linux makes no remoteproc of it; allowed is \"okay\", or no status"
        case .contradiction(let node, let seen, let asked, let allowed):
            return "\(node): \(seen): this is a node for --boot \(allowed.map(\.rawValue).joined(separator: " or ")), not for --boot \(asked.rawValue)"
        case .probe(let fault, let errno, let log):
            guard let log else { return "\(fault); Linux's driver waits for it for ever (\(errno.name)), and there is no remoteproc" }
            return "\(fault); Linux makes no remoteproc of the node: \"\(log)\", \(errno)"
        case .secureWorld(let fault): return "\(fault); OP-TEE does not take the node"
        }
    }
}
