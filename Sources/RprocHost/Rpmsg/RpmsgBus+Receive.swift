import MachineBase

/// The way in (`rpmsg_recv_done`).
extension RpmsgBus {
    /// Hands out every used input buffer, gives each back, and rings once at the end.
    ///
    /// The device can make the used index run ahead by at most 65535, and each step takes one: the loop ends.
    func receive() {
        guard let first = input.take() else {
            processor.log.emit(.error, deviceName, "uhm, incoming signal, but no used buffer ?")
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
        processor.log.emit(.debug, deviceName, "Received \(count) messages")
        if count > 0 && isAlive { input.kick() }
    }

    /// One message. False ends the batch: the buffer is then lost, as in the kernel.
    private func receive(_ buffer: PhysicalAddress, length: UInt32) -> Bool {
        let descriptor = input.lastHead
        let count = Int(min(max(length, UInt32(Rpmsg.headerSize)), UInt32(Rpmsg.bufferSize)))
        do throws(BusError) {
            try memory.read(buffer, into: UnsafeMutableRawBufferPointer(rebasing: inbound[0..<count]))
        } catch {
            processor.findings.report(.busError(error, during: "reading a message"))
            return false
        }
        if let sanitizer = processor.sanitizer {
            sanitizer.received(descriptor: descriptor, buffer: buffer, length: length, bytes: UnsafeRawBufferPointer(rebasing: inbound[0..<count]))
        }
        let source = UInt32(littleEndian: inbound.load(fromByteOffset: 0, as: UInt32.self))
        let destination = UInt32(littleEndian: inbound.load(fromByteOffset: 4, as: UInt32.self))
        let payloadLength = UInt16(littleEndian: inbound.load(fromByteOffset: 12, as: UInt16.self))
        let flags = UInt16(littleEndian: inbound.load(fromByteOffset: 14, as: UInt16.self))

        processor.log.emit(
            .debug, deviceName,
            "From: 0x\(hex(source)), To: 0x\(hex(destination)), Len: \(payloadLength), Flags: \(flags), Reserved: \(Int32(littleEndian: inbound.load(fromByteOffset: 8, as: Int32.self)))")
        processor.log.dump("rpmsg_virtio RX: ", inbound[0..<min(Rpmsg.headerSize + Int(payloadLength), Int(Rpmsg.bufferSize))])
        // The kernel's unsigned subtraction wraps below 16; what then passes its check is held to the buffer here.
        let headerSize = UInt32(Rpmsg.headerSize)
        if length > UInt32(Rpmsg.bufferSize) || UInt32(payloadLength) > length &- headerSize
            || Int(payloadLength) > Rpmsg.maximumPayload
        {
            processor.log.emit(.warning, deviceName, "inbound msg too big: (\(Int32(bitPattern: length)), \(payloadLength))")
            processor.findings.report(.usedLengthTooShort(length: length, payload: payloadLength))
            return false
        }
        if length < headerSize {
            processor.findings.report(.usedLengthBelowHeader(length: length, payload: payloadLength))
            do throws(BusError) {
                try memory.read(
                    buffer, into: UnsafeMutableRawBufferPointer(rebasing: inbound[0..<Rpmsg.headerSize + Int(payloadLength)]))
            } catch { return false }
        }

        let payload = UnsafeRawBufferPointer(rebasing: inbound[Rpmsg.headerSize..<Rpmsg.headerSize + Int(payloadLength)])
        received &+= 1
        let endpoint = endpoints[destination]
        if let observer = processor.observer {
            observer.observe(
                RpmsgMessage(
                    direction: .fromFirmware, outcome: endpoint == nil ? .noRecipient : .delivered, time: processor.platform.now,
                    source: source, destination: destination, flags: flags, descriptor: descriptor, payload: payload))
        }
        if let endpoint {
            endpoint.receive(payload, source)
        } else {
            reportNoRecipient(source: source, destination: destination)
        }
        return isAlive && post(buffer)
    }

    private func reportNoRecipient(source: UInt32, destination: UInt32) {
        let (allowed, suppressed) = noRecipientLimit.allow(at: processor.platform.now)
        if suppressed > 0 { processor.log.emit(.warning, "", "rpmsg_recv_single: \(suppressed) callbacks suppressed") }
        if allowed { processor.log.emit(.warning, deviceName, "msg received with no recipient") }
        processor.findings.report(.noRecipient(source: source, destination: destination))
    }
}
