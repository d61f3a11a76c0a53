// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Glibc
import MachineBase

/// The kernel's own virtio_ring.c, as judges/kernel-ring/reference.c makes it callable, out of a shared library.
struct KernelRing {
    typealias Handle = UnsafeMutableRawPointer

    let new: @convention(c) (UInt32, UInt32, UnsafeMutableRawPointer, Bool, Bool) -> Handle?
    let free: @convention(c) (Handle) -> Void
    let add: @convention(c) (Handle, UInt32, UInt32, Bool) -> Int32
    let take: @convention(c) (Handle, UnsafeMutablePointer<UInt32>) -> UInt32
    let kickPrepare: @convention(c) (Handle) -> Bool
    let kick, notify, interrupt, disableCallbacks, enableCallbacks: @convention(c) (Handle) -> Void
    let freeCount: @convention(c) (Handle) -> UInt32
    let isBroken: @convention(c) (Handle) -> Bool
    let notifications: @convention(c) (Handle) -> UInt64

    struct Missing: Error { let reason: String }

    init(library path: String) throws(Missing) {
        guard let library = dlopen(path, RTLD_NOW | RTLD_LOCAL) else { throw Missing(reason: dlerror().map { String(cString: $0) } ?? path) }
        func symbol<F>(_ name: String, as type: F.Type) throws(Missing) -> F {
            guard let address = dlsym(library, "ring_" + name) else { throw Missing(reason: "\(path) has no ring_\(name)") }
            return unsafeBitCast(address, to: type)
        }
        new = try symbol("new", as: (@convention(c) (UInt32, UInt32, UnsafeMutableRawPointer, Bool, Bool) -> Handle?).self)
        free = try symbol("free", as: (@convention(c) (Handle) -> Void).self)
        add = try symbol("add", as: (@convention(c) (Handle, UInt32, UInt32, Bool) -> Int32).self)
        take = try symbol("take", as: (@convention(c) (Handle, UnsafeMutablePointer<UInt32>) -> UInt32).self)
        kickPrepare = try symbol("kick_prepare", as: (@convention(c) (Handle) -> Bool).self)
        kick = try symbol("kick", as: (@convention(c) (Handle) -> Void).self)
        notify = try symbol("notify", as: (@convention(c) (Handle) -> Void).self)
        interrupt = try symbol("interrupt", as: (@convention(c) (Handle) -> Void).self)
        disableCallbacks = try symbol("disable_callbacks", as: (@convention(c) (Handle) -> Void).self)
        enableCallbacks = try symbol("enable_callbacks", as: (@convention(c) (Handle) -> Void).self)
        freeCount = try symbol("free_count", as: (@convention(c) (Handle) -> UInt32).self)
        isBroken = try symbol("is_broken", as: (@convention(c) (Handle) -> Bool).self)
        notifications = try symbol("notifications", as: (@convention(c) (Handle) -> UInt64).self)
    }
}

extension SplitMix64 {
    mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(max(1, bound))) }
    mutating func chance(_ parts: Int, of whole: Int) -> Bool { below(whole) < parts }
}
