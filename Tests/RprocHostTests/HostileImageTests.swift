// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase
import RprocHost
import RprocHostDoubles
import Testing

@Suite struct HostileImageTests {
    /// A good image with some bytes changed: mostly in the ELF's headers and the resource table.
    private func spoiled(_ random: inout SplitMix64) -> [UInt8] {
        let table = FirmwareImageBuilder.table([
            FirmwareImageBuilder.memory(da: 0xFFFF_FFFF, length: 64, name: "mcuram2"), FirmwareImageBuilder.vdev(features: 0x3000_0001),
            FirmwareImageBuilder.trace(da: 0x1002_0000, length: 64), [130, 0, 0, 0],
        ])
        let builder = FirmwareImageBuilder(table: table)
        var image = builder.image
        let tableStart = 52 + 32 * builder.segments.count + builder.segments.reduce(0) { $0 + $1.bytes.count }
        for _ in 0..<1 + random.next() % 5 {
            let place: Int =
                switch random.next() % 8 {
                case 0: Int(random.next() % 116)
                case 1: image.count - 1 - Int(random.next() % 120)
                case 2: Int(random.next() % UInt64(image.count))
                default: tableStart + Int(random.next() % UInt64(table.count))
                }
            if random.next() % 2 == 0 {
                image[place] = UInt8(truncatingIfNeeded: random.next())
            } else {
                let values: [UInt32] = [0, 1, 2, 4, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 0xFFFF_FFFC, 0x1000, 16]
                image.storeLittleEndian(values[Int(random.next() % 10)], at: place & ~3)
            }
        }
        if random.next() % 10 == 0 { image.removeLast(Int(random.next() % UInt64(image.count))) }
        return image
    }

    @Test(arguments: BootSequence.allCases) func `A spoiled image is refused cleanly or runs, and the host comes down again`(_ sequence: BootSequence) throws {
        var refused = 0, ran = 0
        for seed in UInt64(0)..<500 {
            var random = SplitMix64(state: seed)
            let rig = Rig(sequence, ddr: 0x10_0000) {
                if seed % 2 == 0 { $0.dynamicPool = PhysicalRange(start: PhysicalAddress(0xC000_0000), size: 0x10_0000) }
            }
            rig.image = spoiled(&random)
            if let errno = rig.errno({ () throws(LinuxFailure) in try rig.host.start() }) {
                refused += 1
                #expect(rig.log.last == "remoteproc remoteproc0: Boot failed: \(errno.negative)", "seed \(seed)")
            } else {
                ran += 1
                rig.platform.run(for: .milliseconds(1))
                _ = rig.host.resourceTableText + rig.host.carveoutText + rig.host.diagnosis().joined()
                _ = rig.host.trace(0)
                if seed % 40 == 0 { _ = rig.host.coredumpImage() }
                try rig.host.stop()
            }
            expectClean(rig)
        }
        // Both happen often enough to mean something.
        #expect(refused > 40 && ran > 40)
    }
}
