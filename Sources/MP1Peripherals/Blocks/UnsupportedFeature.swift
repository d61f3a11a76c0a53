// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CRegisterMap
import MachineBase

/// A feature that a modelled block has on the chip and not here, which firmware has switched on.
public struct UnsupportedFeature: Equatable, Sendable, CustomStringConvertible {
    /// RM0436's name of the block, `ADC2`.
    public var peripheral: String
    /// Of a DMA controller: 0 to 7.
    public var stream: Int?
    /// What is missing, `external trigger`.
    public var feature: String
    /// The DMAMUX1 input that the stream waits for, `TIM2_UP`.
    public var request: String?
    /// Register and field that switched it on, `CFGR` and `EXTEN`, with the register's address and the field's value.
    public var register: String
    public var field: String
    public var address: UInt32
    public var value: UInt32
    /// What comes of it, `the conversion never starts`.
    public var effect: String
    /// What firmware may wait for does not happen at all; else it happens otherwise, or nobody outside sees it.
    public var leavesWaiting: Bool
    /// The core's cycle at which it was switched on.
    public var cycle: UInt64

    /// `ADC2`, `DMA2 stream 2`.
    public var place: String { peripheral + (stream.map { " stream \($0)" } ?? "") }

    public var description: String {
        "\(place): \(feature) (\(register).\(field) = \(value) at \(hex32(address))) is not modelled: \(effect)"
    }
}

/// What a block's model lacks, by the values of a field that switch it on.
struct MissingFeature {
    /// Some fields of one register, as they have to be.
    struct Condition {
        let offset: UInt32
        let mask: UInt32
        /// In place; nil for everything but zero.
        let values: [UInt32]?

        /// - Parameters:
        ///   - fields: of one register.
        ///   - values: of the register's bits, where the fields are; nil for all but zero.
        init(_ fields: any FieldGroup..., is values: [UInt32]? = nil) { self.init(fields, is: values) }

        init(_ fields: [any FieldGroup], is values: [UInt32]? = nil) {
            let places = fields.flatMap(\.places)
            offset = places.first?.offset ?? 0
            mask = places.reduce(0) { $0 | $1.mask }
            self.values = values
        }

        func holds(_ word: UInt32) -> Bool { values.map { $0.contains(word & mask) } ?? (word & mask != 0) }
    }

    let feature: String
    /// What a finding calls the field, where it is not the name of the first that is set.
    private let fieldName: String?
    private let fields: [Field]
    /// The register takes it and holds nothing: what counts is what is written.
    let isRequest: Bool
    /// The field itself, then what else has to be so: the block's enable bit.
    let conditions: [Condition]
    let stream: Int?
    let leavesWaiting: Bool
    let effect: String

    /// - Parameters:
    ///   - feature: what it is, `external trigger`.
    ///   - fields: of one register, which switch it on; a finding names the first that is set.
    ///   - name: of the field in a finding, where it is not the first one's.
    ///   - values: of the register's bits where the fields are, that switch it on; nil for all but zero.
    ///   - others: what else has to be so.
    ///   - waits: firmware that waits for it waits in vain.
    ///   - effect: what comes of it, `the conversion never starts`.
    init(
        _ feature: String, _ fields: any FieldGroup..., named name: String? = nil, is values: [UInt32]? = nil, when others: Condition..., stream: Int? = nil,
        waits: Bool = false, effect: String
    ) {
        self.feature = feature
        fieldName = name
        self.fields = fields.compactMap { $0 as? Field }
        isRequest = false
        conditions = [Condition(fields, is: values)] + others
        self.stream = stream
        leavesWaiting = waits
        self.effect = effect
    }

    /// What is asked for by writing ones to fields of a register that does not hold them.
    ///
    /// - Parameters:
    ///   - feature: what it is, `break`.
    ///   - fields: of one register; a finding names the first that is set.
    ///   - waits: firmware that waits for it waits in vain.
    ///   - effect: what comes of it, `none is sent`.
    init(request feature: String, _ fields: Field..., waits: Bool = false, effect: String) {
        self.feature = feature
        fieldName = nil
        self.fields = fields
        isRequest = true
        conditions = [Condition(fields)]
        stream = nil
        leavesWaiting = waits
        self.effect = effect
    }

    func isOn(in block: RegisterBlock) -> Bool { !isRequest && conditions.allSatisfy { $0.holds(block[$0.offset]) } }

    func found(in block: RegisterBlock) -> UnsupportedFeature { found(in: block, value: block[conditions[0].offset]) }

    /// - Parameter value: of the register that has the field.
    func found(in block: RegisterBlock, value: UInt32) -> UnsupportedFeature {
        let subject = conditions[0]
        // A feature that a zero switches on has its first field.
        let field = fields.first { value & $0.mask != 0 } ?? fields.first
        let mask = fieldName == nil ? field?.mask ?? subject.mask : subject.mask
        return block.unsupported(
            feature, subject.offset, fieldName ?? field?.name ?? "", value: (value & mask) >> UInt32(mask.trailingZeroBitCount), stream: stream,
            waits: leavesWaiting, effect)
    }
}

extension RegisterBlock {
    /// A finding on a field that the block's map does not declare; `value` is its register's content, or what was written to it.
    final func undeclaredField(_ field: register_map_field, of register: UnsafePointer<register_map_register>, value: UInt32) -> UnsupportedFeature {
        let name = String(cString: interconnect.map.pointee.field_names + Int(register_map_field_name(field)))
        let isStored = register_map_access(register) != UInt32(REGISTER_WRITE_ONLY)
        return unsupported(
            "the field \(name)", register_map_offset(register), name,
            value: (value & register_map_field_mask(field)) >> register_map_field_bit(field), waits: false,
            isStored ? "it stores what is written, and nothing follows" : "nothing follows")
    }

    /// A finding on the register at `offset`, now.
    final func unsupported(
        _ feature: String, _ offset: UInt32, _ field: String, value: UInt32, stream: Int? = nil, request: String? = nil, waits: Bool, _ effect: String
    ) -> UnsupportedFeature {
        let address = base &+ offset
        return UnsupportedFeature(
            peripheral: name, stream: stream, feature: feature, request: request,
            register: interconnect.chip.registers.location(at: address)?.register ?? "+0x\(String(offset, radix: 16))", field: field, address: address,
            value: value, effect: effect, leavesWaiting: waits, cycle: interconnect.now)
    }
}
