// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CRegisterMap
import Chips

/// How much of a chip's block its model has, by the model's own declarations.
public struct BlockFidelity: Equatable, Sendable {
    public enum Kind: String, Sendable, CaseIterable {
        /// It does what the chip's block does, but for what is missing.
        case modelled
        /// It takes and gives what firmware writes, by declared fields, and nothing follows from any.
        case held
        /// No model: what is written is stored, and each register is told at its first access.
        case unmodelled
    }

    /// Something that the chip's block can do and the model cannot.
    public struct Missing: Equatable, Sendable {
        /// `external trigger`
        public var feature: String
        /// What comes of it, `the conversion never starts`.
        public var effect: String
        /// What firmware may wait for does not happen at all.
        public var leavesWaiting: Bool
        /// The fields that switch it on, `CFGR.EXTEN`, without those of further conditions.
        public var fields: [String]
    }

    public var kind: Kind
    /// In the order of the model's declaration; the same of several DMA streams once.
    public var missing: [Missing]
    /// Fields that firmware can write, by what the model does with them; empty without a model.
    public var fields: [FieldTreatment: Int]
}

extension SoC {
    /// How much of a block of the chip's register map is modelled.
    public func fidelity(of peripheral: RegisterMap.Peripheral) -> BlockFidelity {
        guard interconnect.isModelled.indices.contains(peripheral.index), interconnect.isModelled[peripheral.index],
            let map = interconnect.blocks[peripheral.index]?._withUnsafeGuaranteedRef({ $0.map })
        else { return BlockFidelity(kind: .unmodelled, missing: [], fields: [:]) }
        let registers = interconnect.chip.registers
        var count: [FieldTreatment: Int] = [:]
        for register in registers.registers(of: peripheral) where register.access != .readOnly {
            for field in registers.fields(of: peripheral, at: register.offset) where !field.isReadOnly {
                count[map.treatment(field.mask, at: register.offset), default: 0] += 1
            }
        }
        var missing: [BlockFidelity.Missing] = []
        for feature in map.missing {
            let condition = feature.conditions[0], register = registers.location(at: peripheral.base &+ condition.offset)?.register
            let fields = registers.fields(of: peripheral, at: condition.offset).filter { $0.mask & condition.mask != 0 }.map { (register ?? "?") + "." + $0.name }
            if let same = missing.firstIndex(where: { $0.feature == feature.feature && $0.effect == feature.effect }) {
                missing[same].fields += fields.filter { !missing[same].fields.contains($0) }
            } else {
                missing.append(BlockFidelity.Missing(feature: feature.feature, effect: feature.effect, leavesWaiting: feature.leavesWaiting, fields: fields))
            }
        }
        return BlockFidelity(kind: count[.acts, default: 0] > 0 ? .modelled : .held, missing: missing, fields: count)
    }
}
