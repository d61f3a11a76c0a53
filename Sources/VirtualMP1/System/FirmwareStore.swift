// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ImageFormat
import RprocHost

/// `/lib/firmware`: what Linux asks for at each boot and recovery. An image is parsed once for as long as its bytes stay the same.
final class FirmwareStore {
    struct State: Equatable, Sendable {
        /// In the order in which they were put there.
        var images: [NamedImage] = []
        /// What was asked for last: a file may change between two boots, so this is what Linux has.
        var requested: FirmwareImage?

        static func == (one: State, other: State) -> Bool { one.images == other.images && one.requested?.bytes == other.requested?.bytes }
    }
    struct NamedImage: Equatable, Sendable {
        var name: String
        var image: FirmwareImage

        static func == (one: NamedImage, other: NamedImage) -> Bool { one.name.utf8.elementsEqual(other.name.utf8) && one.image.bytes == other.image.bytes }
    }
    var state = State()
    var requested: FirmwareImage? { state.requested }
    /// Looked in first.
    var files: FirmwareSource?
    /// Gets each image before Linux does.
    var onRequest: ((FirmwareImage) -> Void)?

    func put(_ image: FirmwareImage, _ name: String) {
        state.images.removeAll { $0.name == name }
        state.images.append(NamedImage(name: name, image: image))
    }

    func read(_ name: String) throws(Errno) -> [UInt8] {
        let image = try find(name)
        state.requested = image
        onRequest?(image)
        return image.bytes
    }

    private func find(_ name: String) throws(Errno) -> FirmwareImage {
        if let files {
            do throws(Errno) { return image(of: try files(name)) } catch { guard error == .noEntry else { throw error } }
        }
        guard let found = state.images.first(where: { $0.name == name }) else { throw .noEntry }
        return found.image
    }

    private func image(of bytes: [UInt8]) -> FirmwareImage {
        if let requested, requested.bytes == bytes { return requested }
        return state.images.first { $0.image.bytes == bytes }?.image ?? FirmwareImage(bytes)
    }
}
