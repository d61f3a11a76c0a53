#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Writing keys to files.
public enum KeyFiles {
    /// Writes the private key to `path`, readable by its owner alone (0600) from the moment it exists, and the public key to
    /// `publicPath` (0644).
    ///
    /// - Parameter overwriting: without it a file that exists is left alone, and the call fails before anything is written.
    public static func write(
        _ key: SigningKey, to path: String, publicKeyTo publicPath: String, overwriting: Bool = false
    ) throws(KeyError) {
        if !overwriting {
            for existing in [path, publicPath] where access(existing, F_OK) == 0 {
                throw .file(path: existing, reason: "exists, and is not overwritten")
            }
        } else if unlink(path) != 0, errno != ENOENT {
            // A new file, so that no wider mode of an old one remains.
            throw failure(path)
        }
        try write(Array(key.pem.utf8), to: path, flags: O_EXCL, mode: 0o600)
        try write(Array(key.trusted.pem.utf8), to: publicPath, flags: overwriting ? O_TRUNC : O_EXCL, mode: 0o644)
    }

    private static func write(_ bytes: [UInt8], to path: String, flags: CInt, mode: mode_t) throws(KeyError) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, mode)
        guard descriptor >= 0 else { throw failure(path) }
        var rest = bytes[...]
        while !rest.isEmpty {
            #if canImport(Darwin)
                let written = rest.withUnsafeBytes { Darwin.write(descriptor, $0.baseAddress, $0.count) }
            #elseif canImport(Musl)
                let written = rest.withUnsafeBytes { Musl.write(descriptor, $0.baseAddress, $0.count) }
            #else
                let written = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            #endif
            if written < 0, errno == EINTR { continue }
            guard written > 0 else {
                let error = failure(path)
                close(descriptor)
                throw error
            }
            rest = rest.dropFirst(written)
        }
        // The descriptor is gone whatever close says; an error here means that the bytes may be too.
        guard close(descriptor) == 0 else { throw failure(path) }
    }

    private static func failure(_ path: String) -> KeyError { .file(path: path, reason: String(cString: strerror(errno))) }
}
