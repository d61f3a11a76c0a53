// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ELF32
import MachineBase

/// Why images cannot be signed. `image` counts from 0, in the order given.
public enum SigningError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The NUM_IMG record is one byte: 1 to 255 images.
    case imageCount(Int)
    case notELF(image: Int, ELFError)
    /// `e_machine` is not EM_ARM.
    case notARM(image: Int, machine: UInt16)
    /// The program header table does not lie in the file, or `e_phentsize` is not 32.
    case programHeaders(image: Int, count: Int, found: Int, entrySize: UInt16)
    /// A program header type that the signing script does not know either.
    case segmentType(image: Int, segment: Int, type: UInt32)
    /// A PT_LOAD whose bytes are not all in the file: no loader would take it.
    case segmentOutsideFile(image: Int, segment: Int, offset: UInt32, size: UInt32, fileSize: Int)
    /// Lengths are 32-bit in the header.
    case tooLarge(bytes: Int)
    /// A platform TLV's number is not a number.
    case platformIdentifier(text: String)
    /// A platform TLV's number is outside 0x10000...0x1ffff.
    case platformRange(identifier: UInt64)
    /// A platform TLV's number is negative, or has more than 32 bits.
    case platformNumber(text: String)
    /// A value that begins with 0x is not a hex number of at most 32 bits.
    case platformValue(text: String)
    case key(KeyError)

    public var description: String {
        switch self {
        case .imageCount(let count): "\(count) images; an image holds 1 to 255"
        case .notELF(let image, let error): "image \(image): \(error)"
        case .notARM(let image, let machine):
            "image \(image): e_machine (offset 18) is \(machine); only \(ELFHeader.machineARM), EM_ARM, is signed"
        case .programHeaders(let image, let count, let found, let entrySize):
            "image \(image): \(count) program headers of \(entrySize) bytes announced, \(found) found; all of them, of 32 "
                + "bytes, are needed"
        case .segmentType(let image, let segment, let type):
            "image \(image), segment \(segment): p_type \(hex32(type)) is not one that can be signed"
        case .segmentOutsideFile(let image, let segment, let offset, let size, let fileSize):
            "image \(image), segment \(segment): \(size) bytes at offset 0x\(String(offset, radix: 16)) do not lie in the file "
                + "of \(fileSize)"
        case .tooLarge(let bytes): "\(bytes) bytes; lengths in the header have 32 bits"
        case .platformIdentifier(let text): "platform TLV number \"\(text)\" is not a number"
        case .platformRange(let identifier):
            "platform TLV number 0x\(String(identifier, radix: 16)) is outside 0x10000 to 0x1ffff"
        case .platformNumber(let text): "platform TLV number \(text) is outside 0x10000 to 0x1ffff"
        case .platformValue(let text): "platform TLV value \"\(text)\" is not a hex number of at most 32 bits"
        case .key(let error): error.description
        }
    }
}
