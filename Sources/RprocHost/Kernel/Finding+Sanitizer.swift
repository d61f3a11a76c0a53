// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

extension Finding {
    /// What the sanitizer saw; nil for findings of the kernel's own code.
    public var evidence: Evidence? {
        switch self {
        case .descriptorNextSet(let evidence, _), .descriptorRewritten(let evidence, _), .availableRingRewritten(let evidence, _), .usedIndexWentBack(let evidence, _, _),
            .usedIndexBeyondAvailable(let evidence, _, _, _), .usedIDOutOfRange(let evidence, _, _), .bufferReturnedTwice(let evidence, _, _),
            .bufferNeverGiven(let evidence, _), .usedLengthBeyondBuffer(let evidence, _, _), .usedLengthShort(let evidence, _, _),
            .bufferNotReturned(let evidence, _, _), .missingKick(let evidence, _, _), .spuriousKick(let evidence),
            .channelNotCleared(let evidence, _, _), .bufferWrittenAfterReturn(let evidence), .readOnlyBufferWritten(let evidence),
            .hostsBufferWritten(let evidence), .tableRewritten(let evidence, _), .headerReserved(let evidence), .headerFlags(let evidence),
            .sourceAddress(let evidence), .sourceNotAnnounced(let evidence), .announcementSize(let evidence, _),
            .announcementName(let evidence, _), .announcementFlags(let evidence), .announcementAddress(let evidence),
            .announcedTwice(let evidence, _, _):
            evidence
        default: nil
        }
    }

    /// The rule's name; stable, for scripts.
    public var name: String { rule.rawValue }

    /// The sentence behind the rule's name and before the evidence.
    var sanitizerText: String {
        guard let evidence else { return name }
        return "\(name): \(sentence) [\(evidence)]"
    }

    private var sentence: String {
        switch self {
        case .descriptorNextSet(_, nil): "NEXT is set, which Linux has not done: a kernel goes on through its own list for ever here, and the machine hangs"
        case .descriptorNextSet(_, let taken?): "NEXT is set, which Linux has not done: a kernel takes \(taken) descriptors for free here where one came back"
        case .descriptorRewritten(_, let posted): "only Linux may write descriptors; it had written \(digits(posted))"
        case .availableRingRewritten(_, let posted): "only Linux may write the available ring; it had written \(digits(posted))"
        case .usedIndexWentBack(_, let from, let to): "the used index went back from \(from) to \(to)"
        case .usedIndexBeyondAvailable(_, let from, let to, let outstanding):
            "the used index went from \(from) to \(to), but the firmware has only \(outstanding) buffers to give back"
        case .usedIDOutOfRange(_, let id, let size): "descriptor \(id) was given back in a ring of \(size)"
        case .bufferReturnedTwice(_, let id, let before): "descriptor \(id) was given back again; used entry \(before) had done so"
        case .bufferNeverGiven(_, let id): "descriptor \(id) was given back, but Linux never posted it"
        case .usedLengthBeyondBuffer(_, let length, let buffer): "a used length of \(length) in a buffer of \(buffer) bytes"
        case .usedLengthShort(_, let length, let needed): "a used length of \(length), but header and payload are \(needed) bytes"
        case .bufferNotReturned(_, let id, let overtaken):
            "descriptor \(id) has not come back; one that was given later did, \(overtaken) s ago or more"
        case .missingKick(_, let entries, let waited):
            "\(entries) used entr\(entries == 1 ? "y" : "ies") without a doorbell for \(waited) s"
        case .spuriousKick: "a doorbell with nothing new in the used ring since the last one"
        case .channelNotCleared(_, let channel, let waited):
            "the firmware has not cleared Linux's doorbell on IPCC channel \(channel) for \(waited) s"
        case .bufferWrittenAfterReturn: "a message changed after its buffer was given back"
        case .readOnlyBufferWritten: "the firmware wrote to a message that it was given to read"
        case .hostsBufferWritten: "the firmware wrote to a buffer that is Linux's"
        case .tableRewritten(_, let expected): "the firmware changed the vdev entry, which is Linux's now; it was \(digits(expected))"
        case .headerReserved: "a header's reserved word is not 0"
        case .headerFlags: "a header's flags are not 0"
        case .sourceAddress: "a message from ANY, or from 0 without an announcement"
        case .sourceNotAnnounced: "a message from an address that no announcement named"
        case .announcementSize(_, let size): "an announcement has 40 bytes, this one \(size): Linux drops it"
        case .announcementName(_, let problem): "an announced name \(problem)"
        case .announcementFlags: "an announcement's flags are 0 (create) or 1 (destroy)"
        case .announcementAddress: "an announced address that no service can have: 53 (the name service's) or ANY"
        case .announcedTwice(_, let service, let address): "\(printable(service)) at 0x\(hex(address)) was announced before: Linux refuses it"
        default: ""
        }
    }

    private func digits(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
    }
}
