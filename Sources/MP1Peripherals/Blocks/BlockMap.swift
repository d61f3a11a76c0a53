// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// What a block's model does with the block's registers and with their fields.
///
/// By register: whose reads and writes go to the block's `read` and `write`; others give and take what is stored. By field: whether the
/// model acts on it, or it is harmless to hold it, or what it switches on is missing. A field that is nothing of these is undeclared: firmware
/// that sets it to something else than its reset value makes a finding that names it. A register of which nothing at all is
/// said has no model: its first access is a finding.
///
/// It is compiled into a word of flags, and one of undeclared fields, for each register when the block is first touched: an access to a register that
/// only stores does not reach the block's `read` or `write`, and one to a register without missing features and undeclared fields passes by them.
struct BlockMap {
    /// Registers whose reads go to the block's `read`, and whose writes go to its `write`.
    let onRead: [Range<UInt32>]
    let onWrite: [Range<UInt32>]
    /// What is missing, by the fields that switch it on.
    let missing: [MissingFeature]
    /// Fields on which the model's behaviour depends, and those for which storing is all, by their register's offset.
    private let acting: [UInt32: UInt32], holding: [UInt32: UInt32]

    /// - Parameters:
    ///   - onRead: registers that do more on a read than give what is stored.
    ///   - onWrite: registers that do more on a write than store.
    ///   - acting: fields that cause something, or that the model's behaviour depends on; flags of which the model tells, too.
    ///   - holding: fields that the model only stores, and that nothing in this machine could follow: an output's slew rate.
    ///   - missing: what the chip's block can and this model cannot. A field that switches something on is declared by that.
    init(
        onRead: [any Register.Type] = [], onWrite: [any Register.Type] = [], acting: [any FieldGroup] = [], holding: [any FieldGroup] = [],
        missing: [MissingFeature] = []
    ) {
        func places(_ registers: [any Register.Type]) -> [Range<UInt32>] {
            registers.flatMap { register in
                (0..<register.count).map { number in
                    let offset = register.offset &+ number &* register.stride
                    return offset..<offset &+ 4
                }
            }
        }
        self.init(onRead: places(onRead), onWrite: places(onWrite), acting: acting, holding: holding, missing: missing)
    }

    /// A block of which each access to a register in `span` goes to its `read` or `write`.
    init(everyAccess span: Range<UInt32>, acting: [any FieldGroup] = [], holding: [any FieldGroup] = [], missing: [MissingFeature] = []) {
        self.init(onRead: [span], onWrite: [span], acting: acting, holding: holding, missing: missing)
    }

    private init(
        onRead: [Range<UInt32>], onWrite: [Range<UInt32>], acting: [any FieldGroup], holding: [any FieldGroup], missing: [MissingFeature]
    ) {
        func masks(_ groups: [any FieldGroup]) -> [UInt32: UInt32] {
            groups.reduce(into: [:]) { masks, group in for place in group.places { masks[place.offset, default: 0] |= place.mask } }
        }
        self.onRead = onRead
        self.onWrite = onWrite
        self.acting = masks(acting)
        self.holding = masks(holding)
        self.missing = missing
    }

    /// Of the register at `offset`, the bits of fields that switch on something missing.
    private func missingMask(_ offset: UInt32) -> UInt32 {
        missing.reduce(0) { mask, feature in feature.conditions.first.map { $0.offset == offset ? mask | $0.mask : mask } ?? mask }
    }

    /// Of the register at `offset`, the bits of declared fields.
    func declared(_ offset: UInt32) -> UInt32 { acting[offset, default: 0] | holding[offset, default: 0] | missingMask(offset) }

    /// What becomes of the field with these bits of the register at `offset`. One that is partly missing is missing; one of which a bit
    /// is nothing, undeclared.
    func treatment(_ mask: UInt32, at offset: UInt32) -> FieldTreatment {
        if mask & ~declared(offset) != 0 { return .undeclared }
        if mask & missingMask(offset) != 0 { return .missing }
        return mask & acting[offset, default: 0] != 0 ? .acts : .holds
    }
}

/// What a block's model does with a field that firmware can write.
public enum FieldTreatment: Equatable, Sendable, CaseIterable {
    /// The model's behaviour depends on it.
    case acts
    /// It is stored, and nothing in this machine could follow.
    case holds
    /// It switches on what the model lacks, which is a finding by the feature's name.
    case missing
    /// The model says nothing of it: to set it to something else than its reset value is a finding by the field's name.
    case undeclared
}
