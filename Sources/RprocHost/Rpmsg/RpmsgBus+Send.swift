// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// The way out (`rpmsg_send_offchannel_raw`).
extension RpmsgBus {
    /// Sends one message.
    ///
    /// - Parameters:
    ///   - waits: whether to sleep, up to 15 s of virtual time, until the firmware has given a buffer back.
    ///   - sender: device that log lines name.
    /// - Throws: `invalid` (an address is ANY), `messageSize` (over 496 bytes), `noMemory` (no buffer, not waiting),
    ///   `restartSystemCall` (waited in vain, or interrupted), `io` (broken ring), `noDevice` (the bus is gone).
    public func send(
        from source: UInt32, to destination: UInt32, payload: UnsafeRawBufferPointer, waits: Bool,
        sender: @autoclosure () -> String
    ) throws(Errno) {
        guard isAlive else { throw .noDevice }
        guard source != Rpmsg.anyAddress, destination != Rpmsg.anyAddress else {
            kernel.log.emit(.error, sender(), "invalid addr (src 0x\(hex(source)), dst 0x\(hex(destination)))")
            throw .invalid
        }
        guard payload.count <= Rpmsg.maximumPayload else { throw tooBig(payload.count, sender()) }
        kernel.calls &+= 1
        defer { kernel.calls &-= 1 }
        let buffer: PhysicalAddress
        if let free = takeOutputBuffer() {
            buffer = free
        } else if waits {
            buffer = try awaitOutputBuffer(sender: sender())
        } else {
            throw .noMemory
        }

        outbound.storeBytes(of: source.littleEndian, toByteOffset: 0, as: UInt32.self)
        outbound.storeBytes(of: destination.littleEndian, toByteOffset: 4, as: UInt32.self)
        outbound.storeBytes(of: 0, toByteOffset: 8, as: UInt32.self)
        outbound.storeBytes(of: UInt32(payload.count).littleEndian, toByteOffset: 12, as: UInt32.self)
        let size = Rpmsg.headerSize + payload.count
        UnsafeMutableRawBufferPointer(rebasing: outbound[Rpmsg.headerSize..<size]).copyMemory(from: payload)
        do throws(BusError) { try memory.write(buffer, from: UnsafeRawBufferPointer(rebasing: outbound[0..<size])) } catch {
            kernel.findings.report(.busError(error, during: "writing a message"))
            throw .fault
        }
        kernel.log.emit(
            .debug, sender(), "TX From 0x\(hex(source)), To 0x\(hex(destination)), Len \(payload.count), Flags 0, Reserved 0")
        kernel.log.dump("rpmsg_virtio TX: ", outbound[0..<size])
        do throws(Errno) { try output.add(buffer, length: UInt32(size), deviceWrites: false) } catch {
            // The kernel forgets the buffer here, too.
            kernel.log.emit(.error, sender(), "virtqueue_add_outbuf failed: \(error.negative)")
            throw error
        }
        sent &+= 1
        if let observer = host.observer {
            observer.observe(
                RpmsgMessage(
                    direction: .toFirmware, outcome: .delivered, time: kernel.platform.now, source: source,
                    destination: destination, flags: 0, descriptor: output.lastHead,
                    payload: UnsafeRawBufferPointer(rebasing: outbound[Rpmsg.headerSize..<size])))
        }
        output.kick()
        let duration = kernel.configuration.timing.sendDuration
        if duration > .zero { _ = kernel.platform.wait(until: kernel.platform.now + duration, or: { false }) }
    }

    /// What a message of `count` bytes gets in place of a buffer.
    func tooBig(_ count: Int, _ sender: @autoclosure () -> String) -> Errno {
        kernel.log.emit(.error, sender(), "message is too big (\(count))")
        return .messageSize
    }

    /// `get_a_tx_buf`: a fresh one, else one that the firmware is done with.
    private func takeOutputBuffer() -> PhysicalAddress? {
        let half = bufferCount / 2
        if freshOutput < half {
            defer { freshOutput &+= 1 }
            return bufferBase.advanced((half + freshOutput) * UInt32(Rpmsg.bufferSize))
        }
        return output.take()?.buffer
    }

    /// Sleeps until vring 1's interrupt brings a buffer.
    private func awaitOutputBuffer(sender: @autoclosure () -> String) throws(Errno) -> PhysicalAddress {
        let deadline = kernel.platform.now + kernel.configuration.timing.transmitTimeout
        let suppresses = kernel.configuration.kernel.suppressesTransmitComplete
        sleepers += 1
        if suppresses && sleepers == 1 { output.enableCallbacks() }
        defer {
            sleepers -= 1
            if suppresses && sleepers == 0 && isAlive { output.disableCallbacks() }
        }
        while true {
            // Looked at once before sleeping (with callbacks on, so no wake-up is lost), and after each wake-up.
            if let buffer = takeOutputBuffer() { return buffer }
            senderWoken = false
            let outcome = kernel.platform.wait(until: deadline) { senderWoken || !isAlive }
            guard isAlive else { throw .noDevice }
            switch outcome {
            case .conditionMet where kernel.platform.now < deadline: continue
            case .interrupted: throw .restartSystemCall
            case .conditionMet, .deadlineReached:
                if let buffer = takeOutputBuffer() { return buffer }
                kernel.log.emit(.error, sender(), "timeout waiting for a tx buffer")
                throw .restartSystemCall
            }
        }
    }

    /// `rpmsg_xmit_done`
    func transmitDone() { senderWoken = true }

    /// Whether a `trySend` would find a buffer (newer kernels' EPOLLOUT).
    public var canSend: Bool { isAlive && (freshOutput < bufferCount / 2 || (!output.isBroken && output.hasUsed)) }

    /// What wakes a poll: buffers may have come back.
    func waitUntilSendable(until deadline: VirtualTime) -> Bool {
        _ = kernel.during { kernel.platform.wait(until: deadline) { canSend || !isAlive } }
        return canSend
    }
}
