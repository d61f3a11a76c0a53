// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// What the STM32MP157C-DK2's tree has for the coprocessor, as `device-tree/stm32mp157c-dk2-m4.dts` has it. Phandles: rcc 1,
/// pwr 2, tamp 3, ipcc 4, exti 5, regions from 16 on.
public func dk2() -> SourceNode {
    let root = SourceNode()
    root.set("#address-cells", cells(1))
    root.set("#size-cells", cells(1))
    root.set("model", strings("test"))
    let memory = root["reserved-memory"]
    memory.set("#address-cells", cells(1))
    memory.set("#size-cells", cells(1))
    memory.set("ranges", flag)
    for (index, (name, start, size)) in DK2.regions.enumerated() {
        let node = memory["\(name)@\(String(start, radix: 16))"]
        node.set("compatible", strings("shared-dma-pool"))
        node.set("reg", cells(start, size))
        node.set("no-map", flag)
        node.set("phandle", cells(16 + UInt32(index)))
    }
    let soc = root["soc"]
    soc.set("compatible", strings("simple-bus"))
    soc.set("ranges", flag)
    func block(_ name: String, _ address: UInt32, _ phandle: UInt32, _ compatible: [UInt8]) -> SourceNode {
        let node = soc["\(name)@\(String(address, radix: 16))"]
        node.set("compatible", compatible)
        node.set("reg", cells(address, 0x400))
        node.set("phandle", cells(phandle))
        return node
    }
    block("rcc", 0x5000_0000, 1, strings("st,stm32mp1-rcc", "syscon")).set("#reset-cells", cells(1))
    _ = block("pwr-mcu", 0x5000_1014, 2, strings("st,stm32mp151-pwr-mcu", "syscon"))
    _ = block("tamp", 0x5C00_A000, 3, strings("st,stm32-tamp", "syscon"))
    block("mailbox", 0x4C00_1000, 4, strings("st,stm32mp1-ipcc")).set("#mbox-cells", cells(1))
    block("interrupt-controller", 0x5000_D000, 5, strings("st,stm32mp1-exti")).set("#interrupt-cells", cells(2))
    let bus = root["ahb"]
    bus.set("compatible", strings("st,mlahb", "simple-bus"))
    bus.set("#address-cells", cells(1))
    bus.set("#size-cells", cells(1))
    bus.set("ranges", flag)
    bus.set("dma-ranges", cells(0, 0x3800_0000, 0x1_0000, 0x1000_0000, 0x1000_0000, 0x6_0000, 0x3000_0000, 0x3000_0000, 0x6_0000))
    let m4 = root[DK2.node]
    m4.set("compatible", strings("st,stm32mp1-m4"))
    m4.set("reg", cells(0x1000_0000, 0x4_0000, 0x3000_0000, 0x4_0000, 0x3800_0000, 0x1_0000))
    m4.set("resets", cells(1, 0x2021))
    m4.set("reset-names", strings("mcu_rst"))
    m4.set("st,syscfg-holdboot", cells(1, 0x10C, 1))
    m4.set("st,syscfg-pdds", cells(2, 0, 1))
    m4.set("st,syscfg-rsc-tbl", cells(3, 0x144, .max))
    m4.set("st,syscfg-m4-state", cells(3, 0x148, .max))
    m4.set("memory-region", cells(16, 17, 18, 19, 20, 21))
    m4.set("mboxes", cells(4, 0, 4, 1, 4, 2, 4, 3))
    m4.set("mbox-names", strings("vq0", "vq1", "shutdown", "detach"))
    m4.set("interrupts-extended", cells(5, 68, 1))
    return root
}

public enum DK2 {
    public static let node = "/ahb/m4@10000000"
    public static let regions: [(name: String, start: UInt32, size: UInt32)] = [
        ("retram", 0x3800_0000, 0x1_0000), ("mcuram", 0x3000_0000, 0x4_0000), ("mcuram2", 0x1000_0000, 0x4_0000),
        ("vdev0vring0", 0x1004_0000, 0x1000), ("vdev0vring1", 0x1004_1000, 0x1000), ("vdev0buffer", 0x1004_2000, 0x4000),
    ]
}
