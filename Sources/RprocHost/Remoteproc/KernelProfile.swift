// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// Where kernels differ in ways one can see. The default is the newest.
public struct KernelProfile: Equatable, Sendable {
    /// `start` while running succeeds and counts (2022 on); before that EBUSY.
    public var startIsCounted = true
    /// vring work takes the remoteproc lock, so announcements sent early are handled after "is now up".
    public var vringWorkTakesLock = true
    /// The virtio driver sets NO_INTERRUPT on its transmit ring except while a sender sleeps (up to about 6.19).
    public var suppressesTransmitComplete = false
    /// The vdev is a platform device (6.0 on): its log prefix, and its failure to probe does not end the boot.
    public var vdevIsPlatformDevice = true
    /// What `stop` and the shutdown return is what stopping returned (5.18 on); before that always success.
    public var stopReturnsStatus = true
    /// `stop` stops what has crashed, too (Debian's 6.1.192 and 6.12.117; not its 6.1.176); before that EINVAL.
    public var stopsCrashed = true
    /// Doorbells are heard while attached; from 6.4 to 6.10 they are dropped.
    public var hearsDoorbellsWhileAttached = true
    /// "probe with driver X failed" (6.10 on) instead of "X: probe of D failed".
    public var namesDriverInProbeFailure = true

    /// Why a mailbox could not be had is an error in the log where it used to be a debug line (about 6.15 on).
    public var mailboxCoreSaysWhy = true
    /// With EVENT_IDX: a queue for which an interrupt has come cannot be silenced until callbacks are enabled again (from 5.14 to 6.3; in
    /// stable kernels until May 2023, 6.1.27 among them).
    public var keepsCallbacksAfterEvent = false
    /// A PT_LOAD of no bytes is passed over (5.19 on); before that its address must be one of the M4's, or the boot ends.
    public var skipsEmptySegments = true
    /// An ELF file's section headers are to lie in the file, the one of the names too (Debian's 6.12.117; not its 6.1.176); before that room for
    /// one of them is enough for the file, and a table whose headers are cut off is none.
    public var checksSectionHeaders = true
    /// A vendor resource that nobody wants ends the boot when no known one comes behind it (Debian's 6.1.176; not its 6.12.117).
    public var ignoredResourceEndsBoot = false
    /// An offset in the resource table that leads into the table's header, or is negative as a signed number, is out of bounds (Debian's 6.1.192 and 6.12.117);
    /// before that (6.1.176) the entry is read from there, or from before the table, mostly to an oops.
    public var checksEntryOffsets = true
    /// The name under which a virtio device's `/dev/rpmsg_ctrlN` is on the rpmsg bus: `rpmsg_chrdev` before 5.18.
    public var controlDeviceName = "rpmsg_ctrl"

    public init() {}
    public static let newest = KernelProfile()
    /// About 5.15: before the vdev was a platform device.
    public static let v5_15: KernelProfile = {
        var profile = KernelProfile()
        profile.startIsCounted = false
        profile.stopReturnsStatus = false
        profile.stopsCrashed = false
        profile.vringWorkTakesLock = false
        profile.suppressesTransmitComplete = true
        profile.vdevIsPlatformDevice = false
        profile.namesDriverInProbeFailure = false
        profile.mailboxCoreSaysWhy = false
        profile.keepsCallbacksAfterEvent = true
        profile.skipsEmptySegments = false
        profile.controlDeviceName = "rpmsg_chrdev"
        profile.checksSectionHeaders = false
        profile.ignoredResourceEndsBoot = true
        profile.checksEntryOffsets = false
        return profile
    }()
    /// About 6.1, as Debian 12 has it (6.1.192).
    public static let v6_1: KernelProfile = {
        var profile = v6_1_28
        profile.stopsCrashed = true
        profile.checksEntryOffsets = true
        return profile
    }()
    /// 6.1.28 and what came next, up to 6.1.176 at least.
    static let v6_1_28: KernelProfile = {
        var profile = v6_6
        profile.hearsDoorbellsWhileAttached = true
        return profile
    }()
    /// About 6.12, as Debian 13 has it.
    public static let v6_12: KernelProfile = {
        var profile = KernelProfile()
        profile.suppressesTransmitComplete = true
        profile.mailboxCoreSaysWhy = false
        return profile
    }()
    /// About 6.6.
    public static let v6_6: KernelProfile = {
        var profile = KernelProfile()
        profile.hearsDoorbellsWhileAttached = false
        profile.stopsCrashed = false
        profile.checksSectionHeaders = false
        profile.ignoredResourceEndsBoot = true
        profile.checksEntryOffsets = false
        profile.suppressesTransmitComplete = true
        profile.namesDriverInProbeFailure = false
        profile.mailboxCoreSaysWhy = false
        return profile
    }()
}

extension KernelProfile {
    /// Those that there are profiles of, by the names that people give them.
    public enum Named: String, CaseIterable, Sendable {
        case newest
        case v6_12 = "6.12"
        case v6_6 = "6.6"
        case v6_1 = "6.1"
        case v5_15 = "5.15"
        case openSTLinux4 = "OpenSTLinux 4"
        case openSTLinux5 = "OpenSTLinux 5"
        case openSTLinux6 = "OpenSTLinux 6"

        /// The kernel that a distribution has; else itself.
        public var kernel: Named {
            switch self {
            case .openSTLinux4: .v5_15
            case .openSTLinux5: .v6_1
            case .openSTLinux6: .v6_6
            default: self
            }
        }

        public var profile: KernelProfile {
            switch self {
            case .newest: .newest
            case .v6_12: .v6_12
            case .v6_6: .v6_6
            case .v6_1: .v6_1
            case .v5_15: .v5_15
            case .openSTLinux4: .openSTLinux4
            case .openSTLinux5: .openSTLinux5
            case .openSTLinux6: .openSTLinux6
            }
        }
    }

    // ST's kernels: a stm32_rproc that handles a doorbell in the mailbox's own callback. No work is queued, the lock is not taken, and the
    // state is not looked at. Source: STMicroelectronics' linux repository, as it was with OpenSTLinux 6; taken for the same before. Versions:
    // ST's wiki, "Changes notification" of each release.

    /// OpenSTLinux 4 (5.15.24, 5.15.67).
    public static let openSTLinux4 = Named.openSTLinux4.kernel.profile.withDriverOfST
    /// OpenSTLinux 5 (6.1.28, 6.1.82).
    public static let openSTLinux5 = v6_1_28.withDriverOfST
    /// OpenSTLinux 6 (6.6.48, 6.6.78).
    public static let openSTLinux6 = Named.openSTLinux6.kernel.profile.withDriverOfST

    private var withDriverOfST: KernelProfile {
        var profile = self
        profile.vringWorkTakesLock = false
        profile.hearsDoorbellsWhileAttached = true
        return profile
    }
}
