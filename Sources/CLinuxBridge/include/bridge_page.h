// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

// The page of memory between a Linux guest in QEMU and the board beside it: a file of 4096 bytes that both have mapped.
//
// The guest's registers are plain words in its memory. A store to a watched one is made to wait: the plugin inside QEMU (linux-bridge/plugin.c)
// writes here which word it was and counts `request` up once the store has landed; the board acts, then writes the same number to
// `acknowledged`, and the guest's processor goes on. So the guest never sees a register that has not yet answered its store.
#ifndef BRIDGE_PAGE_H
#define BRIDGE_PAGE_H

#include <stdint.h>

enum {
    LINUX_BRIDGE_MAGIC = 0x4D344252, ///< "RB4M" in memory.
    LINUX_BRIDGE_VERSION = 1,
    LINUX_BRIDGE_PAGE_SIZE = 4096,   ///< In bytes.
};

/// Words of the processor's own byte order. Only the named side writes a word, but for `closed`.
struct linux_bridge_page {
    uint32_t magic;         ///< Board: `LINUX_BRIDGE_MAGIC`, before QEMU starts.
    uint32_t version;       ///< Board: `LINUX_BRIDGE_VERSION`.
    uint32_t request;       ///< Plugin: counted up by one after each watched store; a futex that the board waits on.
    uint32_t acknowledged;  ///< Board: the `request` it has acted on; a futex that the plugin waits on.
    uint32_t address;       ///< Plugin: the store's address in the guest's physical memory; valid with `request`.
    uint32_t size;          ///< Plugin: the store's size in bytes.
    uint32_t host_sleeping; ///< Board: 1 while it sleeps on `request`, 2 when it is not to; see `linux_bridge_interrupt`.
    uint32_t closed;        ///< Either: 1 when nobody will act any more; the plugin then waits for nothing.
    uint32_t host_pid;      ///< Board: its process; when that is gone, so is the board.
};

/// A moment of a loop that looks at the page again and again.
static inline void linux_bridge_pause(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

#endif
