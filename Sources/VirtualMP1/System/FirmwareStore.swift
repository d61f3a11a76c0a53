import ImageFormat
import RprocHost

/// `/lib/firmware`: what Linux asks for at each boot and recovery. An image is parsed once for as long as its bytes stay the same.
final class FirmwareStore {
    private var images: [(name: String, image: FirmwareImage)] = []
    /// Looked in first.
    var files: FirmwareSource?
    /// What was asked for last: a file may change between two boots, so this is what Linux has.
    private(set) var requested: FirmwareImage?
    /// Gets each image before Linux does.
    var onRequest: ((FirmwareImage) -> Void)?

    func put(_ image: FirmwareImage, _ name: String) {
        images.removeAll { $0.name == name }
        images.append((name, image))
    }

    func read(_ name: String) throws(Errno) -> [UInt8] {
        let image = try find(name)
        requested = image
        onRequest?(image)
        return image.bytes
    }

    private func find(_ name: String) throws(Errno) -> FirmwareImage {
        if let files {
            do throws(Errno) { return image(of: try files(name)) } catch { guard error == .noEntry else { throw error } }
        }
        guard let found = images.first(where: { $0.name == name }) else { throw .noEntry }
        return found.image
    }

    private func image(of bytes: [UInt8]) -> FirmwareImage {
        if let requested, requested.bytes == bytes { return requested }
        return images.first { $0.image.bytes == bytes }?.image ?? FirmwareImage(bytes)
    }
}
