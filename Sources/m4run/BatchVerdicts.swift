import Foundation
import MachineBase
import SecureLoader

/// `verify --batch`: a line a case, `label TAB result TAB name TAB table`.
///
/// The result is 8 hex digits; the table is `0x` physical address `:0x` size, or `-`. Control characters and backslashes of a label
/// are written as `\xNN`; so is everything beyond ASCII in a label that is not UTF-8, or would steer a terminal.
struct BatchVerdicts {
    let judge: ImageJudge

    /// Lines are kept together up to about so many bytes.
    private static let flushSize = 1 << 16

    func run(_ path: String) throws {
        var pack = try ImagePack(path)
        var output: [UInt8] = []
        output.reserveCapacity(Self.flushSize * 2)
        defer { Console.data(output) }
        while let (label, image) = try pack.next() {
            append(label, judge.verdict(on: image), to: &output)
            if output.count >= Self.flushSize {
                Console.data(output)
                output.removeAll(keepingCapacity: true)
            }
        }
    }

    private func append(_ label: [UInt8], _ verdict: LoadVerdict, to output: inout [UInt8]) {
        // Beyond ASCII text stays, unless something in it steers, or it is none.
        let keepsUpper = label.allSatisfy { $0 < 0x80 }
            || String(validating: label, as: UTF8.self)?.unicodeScalars.contains { $0.value >= 0x80 && ForeignText.isSteering($0) } == false
        for byte in label {
            if byte < 0x20 || byte == 0x7F || byte == 0x5C || byte >= 0x80 && !keepsUpper {
                output += [0x5C, 0x78, Self.digit(byte >> 4), Self.digit(byte)]
            } else {
                output.append(byte)
            }
        }
        output.append(0x09)
        Self.hex(verdict.result.rawValue, to: &output)
        output.append(0x09)
        output += verdict.result.name.utf8
        output.append(0x09)
        if let table = verdict.resourceTable {
            output += [0x30, 0x78]
            Self.hex(table.start.value, to: &output)
            output += [0x3A, 0x30, 0x78]
            output += String(table.size, radix: 16).utf8
        } else {
            output.append(0x2D)
        }
        output.append(0x0A)
    }

    private static func digit(_ nibble: UInt8) -> UInt8 { nibble & 15 < 10 ? 0x30 + nibble & 15 : 0x57 + nibble & 15 }

    private static func hex(_ value: UInt32, to output: inout [UInt8]) {
        for shift in stride(from: 28, through: 0, by: -4) { output.append(digit(UInt8(truncatingIfNeeded: value >> UInt32(shift)) & 15)) }
    }
}

/// Many images in one file: {label length u32, image length u32, label, image}, again and again. Read as it is needed.
struct ImagePack {
    private let path: String
    private let handle: FileHandle
    private var buffer: [UInt8] = []
    /// Of the first byte in `buffer` that was not handed out.
    private var position = 0
    /// Of the same byte in the file.
    private var offset = 0

    private static let chunk = 1 << 20

    init(_ path: String) throws {
        self.path = path
        if path == "-" {
            handle = .standardInput
        } else {
            var isFolder: ObjCBool = false
            guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else { throw UsageError("\(path): no such file") }
            guard !isFolder.boolValue else { throw UsageError("\(path): is a folder") }
            guard let file = FileHandle(forReadingAtPath: path) else { throw UsageError("\(path): cannot be opened for reading") }
            handle = file
        }
    }

    /// The next case; nil at the end.
    mutating func next() throws -> (label: [UInt8], image: [UInt8])? {
        let start = offset
        guard try fill(8) else {
            guard buffer.count > position else { return nil }
            throw broken(start, "\(buffer.count - position) bytes are left; a case begins with two lengths of 4 bytes")
        }
        let labelLength = Int(buffer.littleEndian(UInt32.self, at: position) ?? 0)
        let imageLength = Int(buffer.littleEndian(UInt32.self, at: position + 4) ?? 0)
        guard labelLength <= Self.longestLabel else {
            throw broken(start, "a label of \(labelLength) bytes is announced; up to \(Self.longestLabel) are taken")
        }
        guard imageLength <= InputFile.largest else {
            throw broken(start + 4, "an image of \(imageLength) bytes is announced; up to \(InputFile.largest) are taken")
        }
        advance(8)
        guard let label = try take(labelLength) else {
            throw broken(start, "a label of \(labelLength) bytes is announced, and \(buffer.count - position) bytes are left")
        }
        guard let image = try take(imageLength) else {
            throw broken(start + 4, "an image of \(imageLength) bytes is announced, and \(buffer.count - position) bytes are left")
        }
        return (label, image)
    }

    private static let longestLabel = 1 << 16

    private func broken(_ offset: Int, _ what: String) -> UsageError {
        UsageError("\(path == "-" ? "standard input" : path): offset 0x\(String(offset, radix: 16)): \(what)")
    }

    private mutating func advance(_ count: Int) {
        position += count
        offset += count
    }

    private mutating func take(_ count: Int) throws -> [UInt8]? {
        guard try fill(count) else { return nil }
        let bytes = Array(buffer[position..<position + count])
        advance(count)
        return bytes
    }

    /// Whether `count` bytes are in the buffer, after reading as much as it takes.
    private mutating func fill(_ count: Int) throws -> Bool {
        while buffer.count - position < count {
            buffer.removeFirst(position)
            position = 0
            let data: Data?
            do { data = try handle.read(upToCount: Self.chunk) } catch { throw broken(offset, "cannot be read: \(error.localizedDescription)") }
            guard let data, !data.isEmpty else { return false }
            buffer += data
        }
        return true
    }
}
