// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// What the doctor can find, by rank: the first that was found is the cause, the rest is what else was seen.
///
/// What keeps firmware from starting comes first, then what keeps the core, then the chain in its order, each link's explanation before
/// its symptom. `rawValue` is the stable name that `--json` and the
/// manual's page m4run-causes have.
enum DoctorCause: String, CaseIterable {
    // It does not start.
    case imageRefused = "image-refused"
    case regionMissing = "region-missing", segmentOutside = "segment-outside", ringSize = "ring-size", ringAddress = "ring-address"
    case tableRefused = "table-refused"
    case linuxRefused = "linux-refused", timeout
    // It has stopped, or gave up.
    case noVectors = "no-vectors", faultBeforeMain = "fault-before-main", fault, stopped, watchdog
    case faultHandler = "fault-handler", errorHandler = "error-handler", ended
    // Who wrote where only the other may: what follows is the consequence.
    case tableRewritten = "table-rewritten", explainingFinding
    // It waits for what is no part of rpmsg.
    case unmodelledRegister = "unmodelled-register"
    case unhandledInterrupt = "unhandled-interrupt", handlerStuck = "handler-stuck", tickStopped = "tick-stopped", pollsRegister = "polls-register"
    case waitsForInput = "waits-for-input"
    // The table.
    case noTable = "no-table", tableNotFound = "table-not-found", noVdev = "no-vdev"
    case bufferSize = "buffer-size", vdevWithoutDriver = "vdev-without-driver"
    // The mailbox.
    case mailboxMissing = "mailbox-missing", wrongChannel = "wrong-channel"
    case priorityMasked = "priority-masked", interruptsOff = "interrupts-off", defaultHandler = "default-handler"
    case statusNeverRead = "status-never-read", mailboxOff = "mailbox-off", mailboxMasked = "mailbox-masked", irqDisabled = "irq-disabled"
    // The chain.
    case noNameService = "no-name-service", noKick = "no-kick"
    case driverOKNotSeen = "driver-ok-not-seen", noEndpoint = "no-endpoint", ringsNotUsed = "rings-not-used"
    case nothingSent = "nothing-sent", ringBroken = "ring-broken", channelWithdrawn = "channel-withdrawn", noAnnouncement = "no-announcement"
    case noDriver = "no-driver", noReceiveBuffers = "no-receive-buffers", malformedMessage = "malformed-message"
    case doorbellUnanswered = "doorbell-unanswered", notTaken = "not-taken"
    // What was seen, and explains nothing by itself.
    case finding
    case waitsForMemory = "waits-for-memory", unmodelledFeature = "unmodelled-feature", endlessLoop = "endless-loop", noAnswer = "no-answer", unknown

    /// The lower, the nearer to the cause.
    var rank: Int { Self.allCases.firstIndex(of: self) ?? .max }
}
