// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CLibYAML
import MachineBase

/// libyaml's events of a text, without what a file of options has no use for: anchors, aliases and tags are errors where they stand, so that
/// nothing grows beyond the text.
final class YAMLEvents {
    struct Event {
        enum Kind: Equatable {
            case text(String, isPlain: Bool)
            case list, mapping
            /// Of a list or mapping.
            case end
        }
        let kind: Kind
        let place: TextPlace
    }
    private let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
    private let text: UnsafeMutableBufferPointer<UInt8>

    init(_ bytes: [UInt8]) throws(YAMLError) {
        // The mark that some editors put before UTF-8 text; libyaml takes it for text where it is told the encoding.
        let content: ArraySlice<UInt8> = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes.dropFirst(3) : bytes[...]
        text = .allocate(capacity: content.count)
        _ = text.initialize(from: content)
        parser.initialize(to: yaml_parser_t())
        guard yaml_parser_initialize(parser) != 0 else { throw YAMLError(place: TextPlace(), sentence: "no memory to read it") }
        yaml_parser_set_input_string(parser, text.baseAddress, text.count)
        yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
    }
    deinit {
        yaml_parser_delete(parser)
        parser.deallocate()
        text.deallocate()
    }

    /// The next value's beginning, or an end; nil at the end of the text.
    func next() throws(YAMLError) -> Event? {
        while true {
            var event = yaml_event_t()
            guard yaml_parser_parse(parser, &event) != 0 else { throw mistake }
            defer { yaml_event_delete(&event) }
            let place = Self.place(event.start_mark)
            switch event.type {
            case YAML_STREAM_END_EVENT, YAML_NO_EVENT: return nil
            case YAML_ALIAS_EVENT: throw YAMLError(place: place, sentence: "an alias (*); values are to be written out")
            case YAML_SCALAR_EVENT:
                let scalar = event.data.scalar
                try refuse(scalar.anchor, scalar.tag, place)
                let bytes = UnsafeBufferPointer(start: scalar.value, count: scalar.length)
                guard !bytes.contains(0) else { throw YAMLError(place: place, sentence: "a zero character; no option takes one") }
                return Event(kind: .text(String(decoding: bytes, as: UTF8.self), isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE), place: place)
            case YAML_SEQUENCE_START_EVENT:
                try refuse(event.data.sequence_start.anchor, event.data.sequence_start.tag, place)
                return Event(kind: .list, place: place)
            case YAML_MAPPING_START_EVENT:
                try refuse(event.data.mapping_start.anchor, event.data.mapping_start.tag, place)
                return Event(kind: .mapping, place: place)
            case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT: return Event(kind: .end, place: place)
            default: continue
            }
        }
    }

    private func refuse(_ anchor: UnsafeMutablePointer<UInt8>?, _ tag: UnsafeMutablePointer<UInt8>?, _ place: TextPlace) throws(YAMLError) {
        if anchor != nil { throw YAMLError(place: place, sentence: "an anchor (&); values are to be written out") }
        if tag != nil { throw YAMLError(place: place, sentence: "a tag (!); plain values are allowed") }
    }

    private static func place(_ mark: yaml_mark_t) -> TextPlace { TextPlace(line: Int(clamping: mark.line) + 1, column: Int(clamping: mark.column) + 1) }

    /// What libyaml does not understand, and where.
    private var mistake: YAMLError {
        let problem = parser.pointee.problem.map { String(cString: $0) } ?? "not understood"
        // The decoder counts bytes.
        if parser.pointee.error == YAML_READER_ERROR {
            let before = text.prefix(Int(clamping: parser.pointee.problem_offset))
            let line = before.lastIndex(of: 0x0A).map { before[($0 + 1)...] } ?? before[...]
            let place = TextPlace(line: before.count { $0 == 0x0A } + 1, column: String(decoding: line, as: UTF8.self).count + 1)
            return YAMLError(place: place, sentence: "\(problem); UTF-8 text is allowed")
        }
        let mark = parser.pointee.problem_mark, place = Self.place(mark)
        let offset = Int(clamping: mark.index)
        if parser.pointee.error == YAML_SCANNER_ERROR, isTab(offset) { return YAMLError(place: place, sentence: "a tab; YAML is indented by spaces") }
        let context = parser.pointee.context.map { " " + String(cString: $0) } ?? ""
        return YAMLError(place: place, sentence: "not YAML: \(problem)\(context)")
    }

    /// Whether the character with this number is a tab; libyaml counts characters.
    private func isTab(_ index: Int) -> Bool {
        var scalars = String(decoding: text, as: UTF8.self).unicodeScalars.dropFirst(index).makeIterator()
        return scalars.next() == "\t"
    }
}
