// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// What a signed image says of itself, to a reader that judges nothing: its header, its records, and where the images should be.
public struct SignedContainer: Sendable {
    public let header: SignedImageHeader
    /// As far as the file goes; its offsets count from `SignedImageHeader.size`.
    public let tlvs: TLVArea

    /// nil when `bytes` do not begin with a signed image's magic, or end inside the header. Nothing is copied.
    public init?(_ bytes: [UInt8]) {
        guard let header = SignedImageHeader(bytes), header.magic == SignedImageHeader.magic else { return nil }
        self.header = header
        tlvs = TLVArea(bytes[SignedImageHeader.size..<min(bytes.count, SignedImageHeader.size + Int(header.tlvLength))])
    }

    /// The value of the IMGSIZE record: a word for each image, as far as the record is made of words. nil without one.
    public var imageSizes: ArraySlice<UInt8>? { tlvs.value(of: .imageSizes)?.bytes }

    /// Where the images are by IMGSIZE, one behind the other, in bytes from the start of the file; nil without that record. A range may end
    /// beyond the file, and a hostile record has millions of them.
    public var imageRanges: ImageRanges? { imageSizes.map { ImageRanges(sizes: $0, start: header.imagesOffset) } }

    public struct ImageRanges: Sequence, IteratorProtocol {
        private let sizes: ArraySlice<UInt8>
        private var index = 0
        private var start: Int

        init(sizes: ArraySlice<UInt8>, start: Int) { (self.sizes, self.start) = (sizes, start) }

        public mutating func next() -> Range<Int>? {
            guard let size: UInt32 = sizes.littleEndian(at: index * 4) else { return nil }
            defer {
                index += 1
                start += Int(size)
            }
            return start..<start + Int(size)
        }
    }
}
