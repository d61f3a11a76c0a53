// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

// What the Linux guest needs of C: the page shared with QEMU's plugin, its two futexes, and a child that ends with its parent.
#ifndef CLINUXBRIDGE_H
#define CLINUXBRIDGE_H

#include "bridge_page.h"
#include <stdbool.h>
#include <stdint.h>
#include <termios.h>

/// Writes the board's words into a page that is all zeros; `host_pid` is this process.
void linux_bridge_open(struct linux_bridge_page *page);

/// Waits until `request` is not `seen`, that is: until there is a store to act on.
/// - Parameters:
///   - spins: how often to look before sleeping; some thousands are microseconds.
///   - timeout: in nanoseconds, of the sleep; 0 looks only.
/// - Returns: `request` as it is now; `seen` when the time is over, a signal came, or the page was closed.
uint32_t linux_bridge_wait(struct linux_bridge_page *page, uint32_t seen, uint32_t spins, uint64_t timeout);

/// Lets the guest's processor go on: the store number `request` has been acted on. What was written to the guest's memory before is there
/// before it goes on.
void linux_bridge_acknowledge(struct linux_bridge_page *page, uint32_t request);

/// Makes `linux_bridge_wait` of another thread come back at once, or not begin to sleep.
void linux_bridge_interrupt(struct linux_bridge_page *page);

/// Nobody will act any more: both sides stop waiting, for ever.
void linux_bridge_close(struct linux_bridge_page *page);
bool linux_bridge_is_closed(const struct linux_bridge_page *page);

/// A word of the guest's memory, read and written whole.
uint32_t linux_bridge_load(const uint32_t *word);
void linux_bridge_store(uint32_t *word, uint32_t value);

/// A file without a name, of `size` bytes that are zero, closed in programs that are started.
/// - Returns: its descriptor, or -errno.
int linux_bridge_memory(const char *name, uint64_t size);

/// Starts a program in a process group of its own, with SIGKILL when the calling *thread* ends: call it from a thread that lives as long as
/// the child may. Signals' handling and mask are the usual ones.
/// - Parameters:
///   - argv, envp: NULL-terminated, as of execve; `argv[0]` is the program's path.
///   - descriptors: `count` descriptors that become 0, 1, 2, ... in the child; no other is open there.
/// - Returns: the process, or -errno.
int linux_bridge_spawn(char *const argv[], char *const envp[], const int *descriptors, int count);

/// Starts a process that waits for the end of this one, however it comes, and then puts a terminal's settings back and takes a name away.
/// - Parameters:
///   - terminal: -1 for none. Its settings become `before` if they are still `during`.
///   - path: NULL for none. It is taken away if it is still the same file.
///   - process: the watching process' number.
/// - Returns: for `linux_bridge_dismiss`; or -errno. No program that is started must have it open.
int linux_bridge_watch_end(int terminal, const struct termios *before, const struct termios *during, const char *path, int *process);
/// All is in order: ends the watching process, and waits for that.
void linux_bridge_dismiss(int life, int process);

#endif
