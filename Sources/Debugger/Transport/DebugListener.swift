// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Glibc

/// A socket that clients connect to. Source: socket(7), tcp(7), unix(7).
final class DebugListener {
    let descriptor: Int32
    /// With the port that the system has chosen, where 0 was asked for.
    let address: DebugAddress
    /// Whether only programs of this computer reach it.
    let isLocal: Bool
    private let path: String?

    init(_ address: DebugAddress) throws(DebugServerError) {
        switch address {
        case .tcp(let host, let port):
            let (descriptor, bound, isLocal) = try Self.tcp(host, port)
            (self.descriptor, self.isLocal, path) = (descriptor, isLocal, nil)
            self.address = .tcp(host: host, port: bound)
        case .unix(let path):
            descriptor = try Self.unix(path)
            (self.address, isLocal, self.path) = (address, true, path)
        case .standardInput: throw DebugServerError("standard input: nothing to listen to")
        }
    }

    deinit {
        close(descriptor)
        if let path { unlink(path) }
    }

    private static func problem(_ address: String, _ number: Int32 = errno) -> DebugServerError {
        if number == EADDRINUSE { return DebugServerError("\(address): another program listens there; end it, or give another address to listen at") }
        return DebugServerError("\(address): \(String(cString: strerror(number)))")
    }

    private static func prepare(_ descriptor: Int32) {
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    }

    private static func tcp(_ host: String, _ port: UInt16) throws(DebugServerError) -> (Int32, UInt16, Bool) {
        let name = "\(DebugAddress.tcp(host: host, port: port))"
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_PASSIVE
        var list: UnsafeMutablePointer<addrinfo>?
        let result = getaddrinfo(host, String(port), &hints, &list)
        guard result == 0, let first = list else { throw DebugServerError("\(name): \(String(cString: gai_strerror(result)))") }
        defer { freeaddrinfo(list) }
        let descriptor = socket(first.pointee.ai_family, first.pointee.ai_socktype, first.pointee.ai_protocol)
        guard descriptor >= 0 else { throw problem(name) }
        prepare(descriptor)
        var one: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
        guard bind(descriptor, first.pointee.ai_addr, first.pointee.ai_addrlen) == 0, listen(descriptor, 8) == 0 else {
            let number = errno
            close(descriptor)
            throw problem(name, number)
        }
        var bound = sockaddr_storage(), size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        withUnsafeMutablePointer(to: &bound) { $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = getsockname(descriptor, $0, &size) } }
        let family = Int32(bound.ss_family)
        return withUnsafeBytes(of: &bound) { bytes in
            // Family, port, address: at the same place in both.
            let port = UInt16(bytes[2]) << 8 | UInt16(bytes[3])
            let isLocal: Bool
            if family == AF_INET {
                isLocal = bytes[4] == 127
            } else {
                isLocal = bytes[8..<23].allSatisfy { $0 == 0 } && bytes[23] == 1
            }
            return (descriptor, port, isLocal)
        }
    }

    private static func unix(_ path: String) throws(DebugServerError) -> Int32 {
        var address = sockaddr_un()
        let longest = MemoryLayout.size(ofValue: address.sun_path) - 1
        guard path.utf8.count <= longest, !path.isEmpty else { throw DebugServerError("\(path): a socket's path has 1 to \(longest) bytes") }
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw problem(path) }
        prepare(descriptor)
        func with(_ body: (Int32, UnsafePointer<sockaddr>?, socklen_t) -> Int32, _ descriptor: Int32) -> Int32 {
            withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
            }
        }
        var result = with(bind, descriptor)
        if result != 0, errno == EADDRINUSE {
            // A server that was killed leaves its socket: nobody answers there.
            let probe = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
            let isStale = probe >= 0 && with(connect, probe) != 0 && errno == ECONNREFUSED
            if probe >= 0 { close(probe) }
            errno = EADDRINUSE
            if isStale {
                unlink(path)
                result = with(bind, descriptor)
            }
        }
        guard result == 0, listen(descriptor, 8) == 0 else {
            let number = errno
            close(descriptor)
            throw problem(path, number)
        }
        return descriptor
    }

    /// The next client's connection; -1 where there is none.
    func accept() -> Int32 {
        let connection = Glibc.accept(descriptor, nil, nil)
        guard connection >= 0 else { return -1 }
        Self.prepare(connection)
        var one: Int32 = 1
        // A packet is answered at once; on a Unix socket there is nothing to wait for.
        if case .tcp = address { setsockopt(connection, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size)) }
        return connection
    }
}
