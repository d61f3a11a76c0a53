// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

extension Finding {
    /// What can be found, without what was seen. `rawValue` is the name that messages, `--json` and the manual's page m4run-findings have.
    public enum Rule: String, CaseIterable, Sendable {
        case noDriver = "no-driver"
        case usedIndexAhead = "used-index-ahead"
        case badUsedElement = "bad-used-element"
        case usedLengthTooShort = "used-length-too-short"
        case usedLengthBelowHeader = "used-length-below-header"
        case noRecipient = "no-recipient"
        case doorbellLost = "doorbell-lost"
        case busError = "bus-error"
        case tableNotInMemory = "table-not-in-memory"
        case traceOutOfReach = "trace-out-of-reach"
        case staleCachedTable = "stale-cached-table"
        case headersOutsideImage = "headers-outside-image"
        case kickWithoutMailbox = "kick-without-mailbox"
        case tooManyChannels = "too-many-channels"
        case messagesLost = "messages-lost"
        case descriptorNextSet = "descriptor-next-set"
        case ringSizesDiffer = "ring-sizes-differ"
        case ringSizeOdd = "ring-size-odd"
        case vringMissing = "vring-missing"
        case noMemoryRegion = "no-memory-region"
        case entryBeforeTable = "table-offset-negative"
        case kernelLeaves = "kernel-leaves"
        case imageStaysLoaded = "image-stays-loaded"
        case detachOverwrites = "detach-overwrites"
        case descriptorRewritten = "descriptor-rewritten"
        case availableRingRewritten = "available-ring-rewritten"
        case usedIndexWentBack = "used-index-went-back"
        case usedIndexBeyondAvailable = "used-index-beyond-available"
        case usedIDOutOfRange = "used-id-out-of-range"
        case bufferReturnedTwice = "buffer-returned-twice"
        case bufferNeverGiven = "buffer-never-given"
        case usedLengthBeyondBuffer = "used-length-beyond-buffer"
        case usedLengthShort = "used-length-short"
        case bufferNotReturned = "buffer-not-returned"
        case missingKick = "missing-kick"
        case spuriousKick = "spurious-kick"
        case channelNotCleared = "channel-not-cleared"
        case bufferWrittenAfterReturn = "buffer-written-after-return"
        case readOnlyBufferWritten = "read-only-buffer-written"
        case hostsBufferWritten = "hosts-buffer-written"
        case tableRewritten = "table-rewritten"
        case headerReserved = "header-reserved"
        case headerFlags = "header-flags"
        case sourceAddress = "source-address"
        case sourceNotAnnounced = "source-not-announced"
        case announcementSize = "announcement-size"
        case announcementName = "announcement-name"
        case announcementFlags = "announcement-flags"
        case announcementAddress = "announcement-address"
        case announcedTwice = "announced-twice"
    }

    public var rule: Rule {
        switch self {
        case .noDriver: .noDriver
        case .usedIndexAhead: .usedIndexAhead
        case .badUsedElement: .badUsedElement
        case .usedLengthTooShort: .usedLengthTooShort
        case .usedLengthBelowHeader: .usedLengthBelowHeader
        case .noRecipient: .noRecipient
        case .doorbellLost: .doorbellLost
        case .busError: .busError
        case .tableNotInMemory: .tableNotInMemory
        case .traceOutOfReach: .traceOutOfReach
        case .staleCachedTable: .staleCachedTable
        case .headersOutsideImage: .headersOutsideImage
        case .kickWithoutMailbox: .kickWithoutMailbox
        case .tooManyChannels: .tooManyChannels
        case .messagesLost: .messagesLost
        case .descriptorNextSet: .descriptorNextSet
        case .ringSizesDiffer: .ringSizesDiffer
        case .ringSizeOdd: .ringSizeOdd
        case .vringMissing: .vringMissing
        case .noMemoryRegion: .noMemoryRegion
        case .entryBeforeTable: .entryBeforeTable
        case .kernelLeaves: .kernelLeaves
        case .imageStaysLoaded: .imageStaysLoaded
        case .detachOverwrites: .detachOverwrites
        case .descriptorRewritten: .descriptorRewritten
        case .availableRingRewritten: .availableRingRewritten
        case .usedIndexWentBack: .usedIndexWentBack
        case .usedIndexBeyondAvailable: .usedIndexBeyondAvailable
        case .usedIDOutOfRange: .usedIDOutOfRange
        case .bufferReturnedTwice: .bufferReturnedTwice
        case .bufferNeverGiven: .bufferNeverGiven
        case .usedLengthBeyondBuffer: .usedLengthBeyondBuffer
        case .usedLengthShort: .usedLengthShort
        case .bufferNotReturned: .bufferNotReturned
        case .missingKick: .missingKick
        case .spuriousKick: .spuriousKick
        case .channelNotCleared: .channelNotCleared
        case .bufferWrittenAfterReturn: .bufferWrittenAfterReturn
        case .readOnlyBufferWritten: .readOnlyBufferWritten
        case .hostsBufferWritten: .hostsBufferWritten
        case .tableRewritten: .tableRewritten
        case .headerReserved: .headerReserved
        case .headerFlags: .headerFlags
        case .sourceAddress: .sourceAddress
        case .sourceNotAnnounced: .sourceNotAnnounced
        case .announcementSize: .announcementSize
        case .announcementName: .announcementName
        case .announcementFlags: .announcementFlags
        case .announcementAddress: .announcementAddress
        case .announcedTwice: .announcedTwice
        }
    }
}
