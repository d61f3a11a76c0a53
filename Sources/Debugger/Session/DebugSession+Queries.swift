// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

// What a client asks of the server, and sets.
extension DebugSession {
    func query(_ reader: inout PacketReader) -> Reply {
        if reader.take("Supported") { return supported(&reader) }
        if reader.take("Xfer:") { return transfer(&reader) }
        if reader.take("Rcmd,") { return command(&reader) }
        if reader.take("fThreadInfo") { return .text("m" + target.threads.all.map { Hex.number($0.number) }.joined(separator: ",")) }
        if reader.take("sThreadInfo") { return .text("l") }
        if reader.take("ThreadExtraInfo,") { return threadInformation(&reader) }
        if reader.take("Attached") { return .text("1") }
        if reader.take("Offsets") { return .text("Text=0;Data=0;Bss=0") }
        // Symbols come from the image: none is asked for.
        if reader.take("Symbol:") { return .ok }
        if reader.take("C"), reader.isAtEnd { return .text("QC" + Hex.number(target.threads.current)) }
        return .empty
    }

    func setting(_ reader: inout PacketReader) -> Reply {
        guard reader.take("StartNoAckMode"), reader.isAtEnd else { return .empty }
        stopsAcknowledging = true
        return .ok
    }

    private func supported(_ reader: inout PacketReader) -> Reply {
        if reader.take(":") {
            while !reader.isAtEnd {
                let feature = reader.text(to: ";")
                if feature.elementsEqual("swbreak+".utf8) || feature.elementsEqual("hwbreak+".utf8) { reportsBreakpointKinds = true }
            }
        }
        var features = [
            "PacketSize=\(Hex.number(Self.packetSize))", "QStartNoAckMode+", "qXfer:features:read+", "qXfer:threads:read+", "vContSupported+",
            "swbreak+", "hwbreak+", "ConditionalBreakpoints+",
        ]
        if !target.memoryMap.isEmpty { features.append("qXfer:memory-map:read+") }
        return .text(features.joined(separator: ";"))
    }

    /// `qXfer:OBJECT:read:ANNEX:OFFSET,LENGTH`
    private func transfer(_ reader: inout PacketReader) -> Reply {
        let object = reader.text(to: ":")
        guard reader.text(to: ":").elementsEqual("read".utf8) else { return .empty }
        let annex = reader.text(to: ":")
        let document: String
        switch String(decoding: object, as: UTF8.self) {
        case "features":
            guard annex.elementsEqual("target.xml".utf8) else { return .text("E00") }
            document = description.xml
        case "memory-map":
            guard !target.memoryMap.isEmpty else { return .empty }
            document = MemoryMapRegion.xml(target.memoryMap)
        case "threads": document = threadList
        default: return .empty
        }
        guard let offset = reader.number(), reader.take(","), let length = reader.number() else { return .error(.invalid) }
        let bytes = Array(document.utf8)
        guard offset <= UInt64(bytes.count) else { return .error(.invalid) }
        let part = bytes[Int(offset)...].prefix(Int(min(length, UInt64(Self.packetSize - 1))))
        return .bytes([UInt8(ascii: Int(offset) + part.count < bytes.count ? "m" : "l")] + part)
    }

    private var threadList: String {
        let lines = target.threads.all.map { thread in
            "<thread id=\"\(Hex.number(thread.number))\" core=\"0\" name=\"\(Self.escaped(thread.name))\">\(Self.escaped(thread.detail))</thread>"
        }
        return (["<?xml version=\"1.0\"?>", "<threads>"] + lines + ["</threads>"]).joined(separator: "\n") + "\n"
    }

    /// Names are firmware's: printable ASCII stays, and no markup.
    private static func escaped(_ text: String) -> String {
        text.utf8.reduce(into: "") { result, byte in
            switch byte {
            case UInt8(ascii: "&"): result += "&amp;"
            case UInt8(ascii: "<"): result += "&lt;"
            case UInt8(ascii: ">"): result += "&gt;"
            case UInt8(ascii: "\""): result += "&quot;"
            case 0x20..<0x7F: result.unicodeScalars.append(UnicodeScalar(byte))
            default: result += "?"
            }
        }
    }

    private func threadInformation(_ reader: inout PacketReader) -> Reply {
        guard case .one(let number) = threadNumber(&reader), let thread = target.threads.all.first(where: { $0.number == number }) else { return .error(.noThread) }
        let text = thread.detail.isEmpty ? thread.name : "\(thread.name), \(thread.detail)"
        return .bytes(Hex.text(Array(text.utf8)))
    }

    // MARK: monitor

    /// An error, or an empty reply, would end a client's script: what is unknown is answered with text, too.
    private func command(_ reader: inout PacketReader) -> Reply {
        guard let bytes = Hex.bytes(reader.remaining()) else { return .error(.invalid) }
        let words = String(decoding: bytes, as: UTF8.self).split { $0 == " " || $0 == "\t" || $0 == "\n" }.map(String.init)
        let answer = target.monitor(words, mayChange: role == .controls)
            ?? MonitorAnswer("unknown command \"\(words.joined(separator: " "))\"; \"monitor help\" lists what there is\n")
        if answer.endsServer { endsServer = true }
        if !answer.text.isEmpty { console(answer.text) }
        return .ok
    }
}
