// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase
import RprocHost
import RprocHostDoubles
import Testing

@Suite struct ChannelBindingTests {
    @Test("A name that is bound to a usual driver gets that driver, and its own names stay", arguments: ChannelBinding.Driver.allCases)
    func bound(driver: ChannelBinding.Driver) throws {
        let services = [MockRemote.Service("their-own", address: 0x400), MockRemote.Service(driver.rawValue, address: 0x401)]
        let rig = Rig(image: FirmwareImageBuilder(table: FirmwareImageBuilder.table([FirmwareImageBuilder.vdev(features: 1)])), services: services) {
            $0.channelBindings = [ChannelBinding(name: "their-own", driver: driver)]
        }
        try rig.host.start()
        rig.platform.run(for: .milliseconds(20))
        let names = rig.host.channels.map { $0.driver?.driverName }
        #expect(names.count == 2 && names[0] != nil && names[0] == names[1], "\(names)")
        #expect(!rig.host.findings.kept.contains { $0.finding.name == "no-driver" })
    }
}
