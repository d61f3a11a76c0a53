// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// Bytes as packets of the remote serial protocol. Source: GDB manual, appendix E.1.
public enum PacketWriter {
    /// `$`, the bytes with their escapes, `#` and the checksum.
    public static func framed(_ payload: some Collection<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(payload.count + payload.count / 16 + 4)
        append(payload, to: &result)
        return result
    }

    /// The same, behind what is already in `result`: one write for several.
    public static func append(_ payload: some Collection<UInt8>, to result: inout [UInt8]) {
        var sum: UInt8 = 0
        result.append(UInt8(ascii: "$"))
        for byte in payload {
            if isSpecial(byte) {
                sum &+= UInt8(ascii: "}") &+ (byte ^ 0x20)
                result.append(UInt8(ascii: "}"))
                result.append(byte ^ 0x20)
            } else {
                sum &+= byte
                result.append(byte)
            }
        }
        result.append(UInt8(ascii: "#"))
        result.append(Hex.character(sum >> 4))
        result.append(Hex.character(sum & 15))
    }

    /// What a frame may not have in it as it is.
    static func isSpecial(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "$") || byte == UInt8(ascii: "#") || byte == UInt8(ascii: "}") || byte == UInt8(ascii: "*")
    }
}
