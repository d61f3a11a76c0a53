// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import M4Board
import MP1Peripherals
import MachineBase

// What the run met and m4run does not model, in `--json`.
extension RunReport {
    /// A register without a model, as first touched, and how often it was.
    struct Unmodelled: Encodable {
        let name: String, access: String
        @Nullable var block: String?
        /// Whether it lacks in a model of the block, or there is none of the whole block.
        let blockModelled: Bool
        let address: UInt32
        let reads: UInt64, writes: UInt64

        init(_ register: UnmodelledRegister) {
            name = register.name
            access = register.first.isWrite ? "write" : "read"
            block = register.first.location?.peripheral
            blockModelled = register.first.isBlockModelled
            address = register.first.address
            reads = register.reads
            writes = register.writes
        }
    }

    /// A feature that was switched on.
    struct Unsupported: Encodable {
        let name: String, block: String, feature: String, register: String, field: String, effect: String
        @Nullable var stream: Int?
        @Nullable var request: String?
        let address: UInt32, value: UInt32
        let virtualNanoseconds: UInt64

        init(_ feature: UnsupportedFeature, _ clock: CoreClock) {
            name = BoardFinding.Rule.unsupported.rawValue
            block = feature.peripheral
            self.feature = feature.feature
            register = feature.register
            field = feature.field
            effect = feature.effect
            stream = feature.stream
            request = feature.request
            address = feature.address
            value = feature.value
            virtualNanoseconds = clock.time(cycles: feature.cycle).nanoseconds
        }
    }

    /// What is waited for at the end.
    struct Wait: Encodable {
        let kind: String, name: String, block: String, text: String
        let address: UInt32

        init(_ gap: ModelGap) {
            block = gap.peripheral
            text = gap.description
            switch gap {
            case .register(let register):
                kind = "register"
                name = register.name
                address = register.first.address
            case .feature(let feature):
                kind = "feature"
                name = feature.feature
                address = feature.address
            case .interrupt(let line, let known, let peripheral):
                kind = "interrupt"
                name = known ?? "\(line)"
                address = peripheral.base
            }
        }
    }
}
