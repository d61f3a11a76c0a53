// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// How much the tty layer keeps of what a port has received, until a program reads: its flip buffers, by their sizes alone.
///
/// A buffer is made of 256 times so many bytes as hold a message, and then takes twice as many, since no flags go with them. No more is made once those
/// that wait have more than 640 KiB; room in the last one is used still. So of messages of 496 bytes some 1.2 MB are kept. Source: Linux `drivers/tty/tty_buffer.c`.
public struct TTYBuffers {
    static let limit = 640 << 10
    private static let unit = 256
    private struct Buffer {
        let size: Int
        var used = 0, read = 0
    }
    /// The first one is at `head`; those before it are gone.
    private var buffers = [Buffer(size: 0)]
    private var head = 0
    /// Sizes of those that wait.
    private var sum = 0
    /// Of `unit`, read to their end, and used again.
    private var free = 0

    public init() {}

    /// Takes as much of a message of `count` bytes as there is room for, and returns how much.
    public mutating func append(_ count: Int) -> Int {
        guard count > 0 else { return 0 }
        let last = buffers.count - 1
        let left = 2 * buffers[last].size - buffers[last].used
        if left >= count {
            buffers[last].used += count
            return count
        }
        let size = (count + Self.unit - 1) / Self.unit * Self.unit
        if size <= Self.unit, free > 0 {
            free -= 1
        } else if sum > Self.limit {
            buffers[last].used += left
            return left
        }
        sum += size
        buffers.append(Buffer(size: size, used: count))
        return count
    }

    /// `count` bytes have gone to the program.
    public mutating func remove(_ count: Int) {
        var rest = count
        while true {
            let taken = min(rest, buffers[head].used - buffers[head].read)
            buffers[head].read += taken
            rest -= taken
            // The last one stays, for what comes next.
            guard buffers[head].read == buffers[head].used, head < buffers.count - 1 else { return }
            sum -= buffers[head].size
            if buffers[head].size == Self.unit { free += 1 }
            head += 1
            if head >= 64, head >= buffers.count / 2 {
                buffers.removeFirst(head)
                head = 0
            }
        }
    }
}
