// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

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
    /// `publicPath` (0644, less the umask). The owner can read and write both whatever the umask. A call that fails leaves what was there, and nothing new.
    ///
    /// - Parameter overwriting: without it a file that exists is left alone, and the call fails before anything is written.
    public static func write(
        _ key: SigningKey, to path: String, publicKeyTo publicPath: String, overwriting: Bool = false
    ) throws(KeyError) {
        if !overwriting {
            for existing in [path, publicPath] where access(existing, F_OK) == 0 {
                throw .file(path: existing, reason: "exists, and is not overwritten")
            }
        }
        guard let pem = key.pem else { throw .token("it keeps what is private to itself") }
        // A new file, so that no wider mode of an old one remains.
        let suffix = ".\(getpid()).part"
        let parts = [(path + suffix, path, pem, 0o600 as mode_t), (publicPath + suffix, publicPath, key.trusted.pem, 0o644)]
        do throws(KeyError) {
            for (part, file, text, mode) in parts {
                var info = stat()
                if stat(file, &info) == 0, info.st_mode & S_IFMT == S_IFDIR { throw .file(path: file, reason: "is a folder") }
                try write(Array(text.utf8), to: part, for: file, mode: mode)
            }
            for (part, file, _, _) in parts {
                // A name that another made since is not taken from it.
                let moved = overwriting ? rename(part, file) : link(part, file)
                guard moved == 0 else { throw failure(file) }
            }
        } catch {
            for (part, _, _, _) in parts { unlink(part) }
            throw error
        }
        if !overwriting { for (part, _, _, _) in parts { unlink(part) } }
    }

    private static func write(_ bytes: [UInt8], to part: String, for path: String, mode: mode_t) throws(KeyError) {
        let descriptor = open(part, O_WRONLY | O_CREAT | O_CLOEXEC | O_EXCL, mode)
        guard descriptor >= 0 else { throw failure(path) }
        // A umask may have taken the owner's own bits.
        var info = stat()
        guard fstat(descriptor, &info) == 0, fchmod(descriptor, info.st_mode & 0o777 | 0o600) == 0 else {
            let error = failure(path)
            close(descriptor)
            throw error
        }
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
