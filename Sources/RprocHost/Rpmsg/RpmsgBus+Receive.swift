// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// The way in (`rpmsg_recv_done`).
extension RpmsgBus {
    /// Hands out every used input buffer, gives each back, and rings once at the end.
    ///
    /// The device can make the used index run ahead by at most 65535, and each step takes one: the loop ends.
    func receive() {
        guard let first = input.take() else {
            kernel.log.emit(.error, deviceName, "uhm, incoming signal, but no used buffer ?")
            return
        }
        var element = first
        var count = 0
        while true {
            guard receive(element.buffer, length: element.length) else { break }
            count &+= 1
            guard let next = input.take() else { break }
            element = next
        }
        kernel.log.emit(.debug, deviceName, "Received \(count) messages")
        if count > 0 && isAlive { input.kick() }
    }

    /// One message. False ends the batch: the buffer is then lost, as in the kernel.
    private func receive(_ buffer: PhysicalAddress, length: UInt32) -> Bool {
        let descriptor = input.lastHead
        let count = Int(min(max(length, UInt32(Rpmsg.headerSize)), UInt32(Rpmsg.bufferSize)))
        do throws(BusError) {
            try memory.read(buffer, into: UnsafeMutableRawBufferPointer(rebasing: inbound[0..<count]))
        } catch {
            kernel.findings.report(.busError(error, during: "reading a message"))
            return false
        }
        if let sanitizer = host.sanitizer {
            sanitizer.received(descriptor: descriptor, buffer: buffer, length: length, bytes: UnsafeRawBufferPointer(rebasing: inbound[0..<count]))
        }
        let source = UInt32(littleEndian: inbound.load(fromByteOffset: 0, as: UInt32.self))
        let destination = UInt32(littleEndian: inbound.load(fromByteOffset: 4, as: UInt32.self))
        let payloadLength = UInt16(littleEndian: inbound.load(fromByteOffset: 12, as: UInt16.self))
        let flags = UInt16(littleEndian: inbound.load(fromByteOffset: 14, as: UInt16.self))

        kernel.log.emit(
            .debug, deviceName,
            "From: 0x\(hex(source)), To: 0x\(hex(destination)), Len: \(payloadLength), Flags: \(flags), Reserved: \(Int32(littleEndian: inbound.load(fromByteOffset: 8, as: Int32.self)))")
        kernel.log.dump("rpmsg_virtio RX: ", inbound[0..<min(Rpmsg.headerSize + Int(payloadLength), Int(Rpmsg.bufferSize))])
        // The kernel's unsigned subtraction wraps below 16.
        let headerSize = UInt32(Rpmsg.headerSize)
        if length > UInt32(Rpmsg.bufferSize) || UInt32(payloadLength) > length &- headerSize {
            kernel.log.emit(.warning, deviceName, "inbound msg too big: (\(Int32(bitPattern: length)), \(payloadLength))")
            kernel.findings.report(.usedLengthTooShort(length: length, payload: payloadLength))
            return false
        }
        let message = Inbound(source: source, destination: destination, flags: flags, descriptor: descriptor)
        let end = Rpmsg.headerSize + Int(payloadLength)
        if length < headerSize {
            kernel.findings.report(.usedLengthBelowHeader(length: length, payload: payloadLength))
            if end > Rpmsg.bufferSize {
                deliverBeyond(message, buffer, Int(payloadLength))
                return isAlive && post(buffer)
            }
            do throws(BusError) {
                try memory.read(buffer, into: UnsafeMutableRawBufferPointer(rebasing: inbound[0..<end]))
            } catch { return false }
        }
        deliver(message, UnsafeRawBufferPointer(rebasing: inbound[Rpmsg.headerSize..<end]))
        return isAlive && post(buffer)
    }

    private struct Inbound {
        let source, destination: UInt32
        let flags: UInt16
        let descriptor: UInt16
    }

    private func deliver(_ message: Inbound, _ payload: UnsafeRawBufferPointer) {
        received &+= 1
        let endpoint = endpoints[message.destination]
        if let observer = host.observer {
            observer.observe(
                RpmsgMessage(
                    direction: .fromFirmware, outcome: endpoint == nil ? .noRecipient : .delivered, time: kernel.platform.now,
                    source: message.source, destination: message.destination, flags: message.flags, descriptor: message.descriptor, payload: payload))
        }
        if let endpoint {
            endpoint.receive(payload, message.source)
        } else {
            reportNoRecipient(source: message.source, destination: message.destination)
        }
    }

    /// A message that is longer than its buffer, and got through because its used length is no header's: the kernel hands on what lies behind the
    /// buffer, too. Here that ends with the buffers.
    private func deliverBeyond(_ message: Inbound, _ buffer: PhysicalAddress, _ count: Int) {
        // The name service looks at the length alone.
        if message.destination == Rpmsg.nameServiceAddress, hasNameService, count != Rpmsg.announcementSize {
            received &+= 1
            kernel.log.emit(.error, deviceName, "malformed ns msg (\(count))")
            return
        }
        let end = Int(bufferBase.value) + Int(bufferCount) * Rpmsg.bufferSize, start = Int(buffer.value) + Rpmsg.headerSize
        var bytes = [UInt8](repeating: 0, count: max(0, min(count, end - start)))
        let result: Result<Void, BusError> = bytes.withUnsafeMutableBytes { space in
            do throws(BusError) { return .success(try memory.read(buffer.advanced(UInt32(Rpmsg.headerSize)), into: space)) } catch { return .failure(error) }
        }
        if case .failure(let error) = result { kernel.findings.report(.busError(error, during: "reading a message")) }
        bytes.withUnsafeBytes { deliver(message, $0) }
    }

    private func reportNoRecipient(source: UInt32, destination: UInt32) {
        let (allowed, suppressed) = own.noRecipientLimit.allow(at: kernel.platform.now)
        if suppressed > 0 { kernel.log.emit(.warning, "", "rpmsg_recv_single: \(suppressed) callbacks suppressed") }
        if allowed { kernel.log.emit(.warning, deviceName, "msg received with no recipient") }
        kernel.findings.report(.noRecipient(source: source, destination: destination))
    }
}
