// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// Something the kernel passes over in silence, or would be hurt by, and that someone who looks for a fault wants to know.
///
/// Findings never change what the host does, and never appear in the kernel log.
public enum Finding: Equatable, Sendable, CustomStringConvertible {
    /// A channel was announced that no driver's table names: no endpoint exists, the firmware will hear nothing.
    case noDriver(channel: ForeignName, address: UInt32)
    /// The used ring moved by more entries than the ring has.
    case usedIndexAhead(queue: String, lastSeen: UInt16, index: UInt16, size: UInt16)
    /// A used element names no descriptor of the ring, or one that is not with the device. The queue is broken from here.
    case badUsedElement(queue: String, position: UInt16, id: UInt32)
    /// The used length cannot hold the message: the kernel drops it, loses the buffer, and stops the batch.
    case usedLengthTooShort(length: UInt32, payload: UInt16)
    /// The used length is below the 16 bytes of a header: the kernel's check wraps and lets the message pass.
    case usedLengthBelowHeader(length: UInt32, payload: UInt16)
    /// A message for an address that no endpoint has.
    case noRecipient(source: UInt32, destination: UInt32)
    /// The mailbox's queue was full; the message itself is in the ring.
    case doorbellLost(channel: Int)
    /// The bus refused an access of the kernel; on the real board this is an external abort.
    case busError(BusError, during: String)
    /// The ELF's table has an address that no mapped carveout holds: the host's changes stay in its own copy.
    case tableNotInMemory(address: UInt32, size: Int)
    /// Linux cannot read this trace buffer: `trace<index>` says that it is not available. `fit` is why.
    case traceOutOfReach(index: Int, address: UInt32, size: UInt32, fit: RegionFit)
    /// Recovery puts the table of the first boot over an image whose own table differs.
    case staleCachedTable(cachedSize: Int, imageSize: Int)
    /// The kernel leaves something behind at this place; this host does not.
    case kernelLeaves(String)
    /// A boot failed after LOAD_FW, and the client never releases: the TA answers the next LOAD_FW, of whatever image, with
    /// success and loads nothing.
    case imageStaysLoaded
    /// Detaching writes back a whole KiB where the resource table is: bytes behind the table that the firmware has changed since
    /// are as they were at the attach.
    case detachOverwrites(firstOffset: Int, tableSize: Int)
    /// The image has headers outside its own bytes; the kernel reads past its buffer there.
    case headersOutsideImage(end: UInt64, size: Int)
    /// A vring's notifyid is none of the two that have a mailbox: the kick is dropped.
    case kickWithoutMailbox(notifyID: UInt32)
    /// More channels were announced than this host keeps.
    case tooManyChannels(limit: Int)
    /// More messages wait in a `/dev/rpmsgN` than this host keeps: what comes now is lost (`count` is 0), or was, `count` of them. The
    /// kernel keeps as many as memory holds.
    case messagesLost(device: String, waiting: Int, count: UInt64)
    /// A descriptor that the device gives back has a NEXT flag, which Linux has not set: a kernel goes on from there through its own list
    /// (`detach_buf_split`). `taken` descriptors are then free for it, nil for a walk without an end.
    case descriptorNextSet(Evidence, taken: Int?)
    /// The two rings differ in size: the kernel warns with a back trace.
    case ringSizesDiffer(input: UInt32, output: UInt32)
    /// A ring's size is no power of two: slots are found by an AND with the size less one, so that some are never used and others
    /// twice in a round. remoteproc does not look; virtio 1.2 §2.7 forbids it.
    case ringSizeOdd(queue: String, count: UInt32)
    /// rpmsg's driver asks for a vring that the vdev does not have, and the device tree has a region for it: remoteproc makes a ring of
    /// no buffers, and the kernel oopses on it. This host fails the probe.
    case vringMissing(index: Int)

    /// A carveout, vring or pool of buffers has no memory region of its name. The kernel allocates it where the M4 does not reach, with 0xffffffff as the
    /// address, and oopses at the stop that frees it. This host fails the boot with ENOMEM.
    case noMemoryRegion(name: String, length: UInt32)
    /// Entry `index` of the resource table has an offset that is negative to the kernel: it reads the entry from before its copy of the table.
    /// This host takes the table for truncated.
    case entryBeforeTable(index: Int, offset: UInt32)

    // MARK: The sanitizer's
    // See `RpmsgSanitizer`. `Evidence` says where, what is there, and which instruction wrote it.

    /// A descriptor is not as the driver wrote it; only the driver may (virtio 1.2 §2.7.5).
    case descriptorRewritten(Evidence, posted: [UInt8])
    /// A field of the available ring is not as the driver wrote it; only the driver may (§2.7.6).
    case availableRingRewritten(Evidence, posted: [UInt8])
    /// used.idx is less than it was.
    case usedIndexWentBack(Evidence, from: UInt16, to: UInt16)
    /// used.idx gives back more buffers than the device has.
    case usedIndexBeyondAvailable(Evidence, from: UInt16, to: UInt16, outstanding: UInt16)
    /// A used element names a descriptor that the ring does not have.
    case usedIDOutOfRange(Evidence, id: UInt32, size: UInt16)
    /// A buffer was given back that had been given back before, in used entry `before`.
    case bufferReturnedTwice(Evidence, id: UInt32, before: UInt16)
    /// A buffer was given back that the driver has never posted.
    case bufferNeverGiven(Evidence, id: UInt32)
    /// More was written, as the used length has it, than the buffer holds.
    case usedLengthBeyondBuffer(Evidence, length: UInt32, buffer: UInt32)
    /// The used length is less than header and payload.
    case usedLengthShort(Evidence, length: UInt32, needed: UInt32)
    /// A buffer was not given back though a later one was, this long ago.
    case bufferNotReturned(Evidence, id: UInt16, overtaken: VirtualTime)
    /// used.idx moved, and no doorbell came; of vring1 only while a sender sleeps until one does.
    case missingKick(Evidence, entries: UInt16, waited: VirtualTime)
    /// A doorbell came with nothing new in the ring.
    case spuriousKick(Evidence)
    /// A doorbell of Linux's that the firmware does not acknowledge; channels as the manual counts them, from 1.
    case channelNotCleared(Evidence, channel: Int, waited: VirtualTime)
    /// Bytes of a message changed between its return and Linux's reading it.
    case bufferWrittenAfterReturn(Evidence)
    /// The firmware wrote to a message of Linux's that it was given to read.
    case readOnlyBufferWritten(Evidence)
    /// The firmware wrote to a buffer that is Linux's.
    case hostsBufferWritten(Evidence)
    /// A field of the vdev entry that is Linux's while its driver is bound.
    case tableRewritten(Evidence, expected: [UInt8])
    case headerReserved(Evidence)
    /// Linux does not look at them. Once for each start of the device.
    case headerFlags(Evidence)
    /// A message's source is ANY, or 0 though that was not announced.
    case sourceAddress(Evidence)
    /// A message's source is no address that was announced. Once for each.
    case sourceNotAnnounced(Evidence)
    /// A message to the name service that has not 40 bytes.
    case announcementSize(Evidence, size: UInt16)
    case announcementName(Evidence, problem: String)
    /// Flags of an announcement other than 0 (create) and 1 (destroy).
    case announcementFlags(Evidence)
    /// An announced address that is 53 or ANY.
    case announcementAddress(Evidence)
    /// The same name and address, announced and not withdrawn.
    case announcedTwice(Evidence, name: ForeignName, address: UInt32)

    public var description: String {
        switch self {
        case .noDriver(let channel, let address):
            "channel \(printable(channel)) at 0x\(hex(address)): no driver matches this name, so the firmware gets no peer"
                + (channel == "rpmsg-tty-channel" ? " (mainline's tty driver is named rpmsg-tty)" : "")
        case .usedIndexAhead(let queue, let lastSeen, let index, let size):
            "\(queue): used index went from \(lastSeen) to \(index), more than the ring's \(size) entries"
        case .badUsedElement(let queue, let position, let id):
            "\(queue): used element \(position) names descriptor \(id), which the device does not hold; the queue is broken"
        case .usedLengthTooShort(let length, let payload):
            "used length \(length) cannot hold the 16-byte header and the \(payload) bytes it announces; the buffer is lost"
        case .usedLengthBelowHeader(let length, let payload):
            "used length \(length) is less than a header's 16 bytes (payload \(payload)); the kernel does not notice"
        case .noRecipient(let source, let destination):
            "message from 0x\(hex(source)) to 0x\(hex(destination)): no endpoint has that address"
        case .doorbellLost(let channel):
            "mailbox channel \(channel): 20 doorbells wait for the firmware's acknowledgement; this one is dropped"
        case .busError(let error, let what): "\(what): \(error)"
        case .tableNotInMemory(let address, let size):
            "resource table at \(hex32(address)) (\(size) bytes) lies in no mapped memory region: the firmware will never see the host's changes"
        case .traceOutOfReach(let index, let address, let size, let fit):
            "trace\(index): the trace entry's buffer of \(size) bytes at da \(hex32(address)) \(fit); Linux reads \"Trace  not available\""
        case .staleCachedTable(let cached, let image):
            "recovery lays the first boot's resource table (\(cached) bytes) over an image whose own (\(image) bytes) differs"
                + (cached > image ? ", and over \(cached - image) bytes behind it" : "")
        case .kernelLeaves(let what): "the kernel would leave behind: \(what)"
        case .imageStaysLoaded:
            "the TA keeps the image of the boot that failed: the next LOAD_FW loads nothing, whatever image it brings"
        case .detachOverwrites(let offset, let size):
            "detach writes back 1024 bytes at the resource table, which has \(size): the firmware's own data from offset \(offset) on is as it was at the attach"
        case .headersOutsideImage(let end, let size):
            "ELF headers reach to offset \(end) of an image of \(size) bytes"
        case .kickWithoutMailbox(let id): "vring with notifyid \(id) has no mailbox: its kicks are dropped"
        case .tooManyChannels(let limit): "more than \(limit) channels announced; the rest is ignored"
        case .messagesLost(let device, let waiting, 0):
            "messages-lost: \(waiting) messages wait in \(device) and nobody reads them: what comes now is lost; a kernel keeps as many as memory holds"
        case .messagesLost(let device, _, let count): "messages-lost: \(count) message\(count == 1 ? "" : "s") for \(device) lost, as nobody had read what came before"
        case .ringSizesDiffer(let input, let output): "vring0 has \(input) buffers, vring1 \(output)"
        case .vringMissing(let index): "the vdev has no vring\(index): the kernel would oops on a ring of no buffers"
        case .noMemoryRegion(let name, let length):
            "no memory region is named \(printable(name)) for 0x\(hex(length)) bytes: Linux gives memory that the M4 does not reach, and the kernel would oops at the stop that frees it"
        case .entryBeforeTable(let index, let offset):
            "entry \(index) of the resource table has the offset 0x\(hex(offset)), which is negative to Linux: the kernel would oops on what lies before its copy of the table"
        case .ringSizeOdd(let queue, let count): "\(queue): a ring of \(count) buffers, which is no power of two: messages are lost or come twice"
        default: sanitizerText
        }
    }
}

/// The findings of a run: all of them to a sink, the first ones kept.
public final class Findings {
    /// Gets every finding when it is made.
    public var sink: ((VirtualTime, Finding) -> Void)?
    /// The first `limit` findings, with their times.
    public var kept: [(time: VirtualTime, finding: Finding)] { state.kept.map { ($0.time, $0.finding) } }
    /// How many there were, kept or not.
    public var count: Int { state.count }
    struct State: Equatable, Sendable {
        struct Entry: Equatable, Sendable {
            var time: VirtualTime
            var finding: Finding
        }
        var kept: [Entry] = []
        var count = 0
    }
    var state = State()
    public static let limit = 1000
    private unowned let platform: any HostPlatform

    init(platform: any HostPlatform) { self.platform = platform }

    func report(_ finding: Finding) {
        state.count &+= 1
        let now = platform.now
        if state.kept.count < Self.limit { state.kept.append(State.Entry(time: now, finding: finding)) }
        sink?(now, finding)
    }
}
