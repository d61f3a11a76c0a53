// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ELF32
import ImageFormat
import MachineBase

/// Why the images of a file cannot be taken out.
public enum ExtractionError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The file does not begin as a signed image does.
    case notSigned(ImageReport.Kind)
    /// The IMGSIZE record is missing, or not a whole number of words.
    case imageSizes
    /// More images than the one byte of NUM_IMG counts.
    case imageCount(Int)
    /// An image does not lie in the file.
    case outside(image: Int, offset: Int, size: Int, fileSize: Int)

    public var description: String {
        switch self {
        case .notSigned(.elf): "an ELF file that is not signed; there is nothing to extract"
        case .notSigned: "not a signed image: it does not begin with \(hex32(SignedImageHeader.magic))"
        case .imageSizes: "the TLV area has no IMGSIZE record of whole 32-bit words; where images begin and end is not known"
        case .imageCount(let count): "the IMGSIZE record has \(count) sizes; a signed image holds 1 to 255 images"
        case .outside(let image, let offset, let size, let fileSize):
            "image \(image): \(size) bytes at offset 0x\(String(offset, radix: 16)) do not lie in the file of \(fileSize)"
        }
    }
}

/// The images inside a signed one, as they were before signing. Nothing is verified.
public enum ImageExtraction {
    /// Of each image its bytes in `file`, without the signer's padding.
    ///
    /// A signed image holds padded sizes only. Up to 7 zeros behind the end that an ELF's own tables give it are taken for
    /// padding; what has more behind its end, or is no ELF, comes out whole.
    public static func images(in file: FirmwareImage) throws(ExtractionError) -> [ArraySlice<UInt8>] {
        guard let container = file.container else { throw .notSigned(file.kind) }
        guard let ranges = container.imageRanges, let sizes = container.imageSizes, sizes.count % 4 == 0 else { throw .imageSizes }
        guard sizes.count / 4 <= 255 else { throw .imageCount(sizes.count / 4) }
        var images: [ArraySlice<UInt8>] = []
        for range in ranges {
            guard range.upperBound <= file.bytes.count else {
                throw .outside(image: images.count, offset: range.lowerBound, size: range.count, fileSize: file.bytes.count)
            }
            images.append(withoutPadding(file.bytes[range]))
        }
        return images
    }

    /// The same for bytes that nobody else looks at.
    public static func images(in file: [UInt8]) throws(ExtractionError) -> [ArraySlice<UInt8>] { try images(in: FirmwareImage(file)) }

    private static func withoutPadding(_ image: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        guard let end = (try? ELFFile(image))?.end, end <= image.count, image.count - end < 8,
            image.dropFirst(end).allSatisfy({ $0 == 0 })
        else { return image }
        return image.prefix(end)
    }
}

extension ELFFile {
    /// One past the last byte that the file's headers, segments or sections use; more than there are when one of them lies.
    fileprivate var end: Int {
        var end = ELFHeader.size
        end = max(end, Int(header.programHeaderOffset) + Int(header.programHeaderCount) * Int(header.programHeaderEntrySize))
        end = max(end, Int(header.sectionHeaderOffset) + Int(header.sectionHeaderCount) * Int(header.sectionHeaderEntrySize))
        for segment in programHeaders where segment.fileSize > 0 { end = max(end, Int(segment.offset) + Int(segment.fileSize)) }
        for section in sectionHeaders where section.type != SectionHeader.noBits && section.type != 0 {
            end = max(end, Int(section.offset) + Int(section.size))
        }
        return end
    }
}
