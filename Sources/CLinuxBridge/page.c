// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

// The board's end of the page. Futexes are the shared kind: the other end is another process.
#define _GNU_SOURCE
#include "CLinuxBridge.h"
#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void wake(uint32_t *word) { syscall(SYS_futex, word, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0); }

void linux_bridge_open(struct linux_bridge_page *page) {
    page->version = LINUX_BRIDGE_VERSION;
    page->host_pid = (uint32_t)getpid();
    __atomic_store_n(&page->magic, LINUX_BRIDGE_MAGIC, __ATOMIC_RELEASE);
}

uint32_t linux_bridge_wait(struct linux_bridge_page *page, uint32_t seen, uint32_t spins, uint64_t timeout) {
    for (uint32_t i = 0; i <= spins; i++) {
        uint32_t request = __atomic_load_n(&page->request, __ATOMIC_ACQUIRE);
        if (request != seen) return request;
        linux_bridge_pause();
    }
    if (timeout == 0) return seen;
    // 2 is left by an interruption that found nobody asleep: it was meant for this sleep.
    uint32_t awake = 0;
    bool mine = __atomic_compare_exchange_n(&page->host_sleeping, &awake, 1, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    if (mine && __atomic_load_n(&page->request, __ATOMIC_SEQ_CST) == seen && !linux_bridge_is_closed(page)) {
        struct timespec time = {.tv_sec = (time_t)(timeout / 1000000000), .tv_nsec = (long)(timeout % 1000000000)};
        syscall(SYS_futex, &page->request, FUTEX_WAIT, seen, &time, NULL, 0);
    }
    __atomic_store_n(&page->host_sleeping, 0, __ATOMIC_SEQ_CST);
    return __atomic_load_n(&page->request, __ATOMIC_ACQUIRE);
}

void linux_bridge_acknowledge(struct linux_bridge_page *page, uint32_t request) {
    __atomic_store_n(&page->acknowledged, request, __ATOMIC_SEQ_CST);
    wake(&page->acknowledged);
}

void linux_bridge_interrupt(struct linux_bridge_page *page) {
    // Whoever says it sleeps may be just about to: it is woken until it says otherwise.
    if (__atomic_exchange_n(&page->host_sleeping, 2, __ATOMIC_SEQ_CST) != 1) return;
    while (__atomic_load_n(&page->host_sleeping, __ATOMIC_SEQ_CST) == 2) {
        wake(&page->request);
        sched_yield();
    }
}

void linux_bridge_close(struct linux_bridge_page *page) {
    __atomic_store_n(&page->closed, 1, __ATOMIC_SEQ_CST);
    wake(&page->acknowledged);
    linux_bridge_interrupt(page);
}

bool linux_bridge_is_closed(const struct linux_bridge_page *page) { return __atomic_load_n(&page->closed, __ATOMIC_SEQ_CST) != 0; }

uint32_t linux_bridge_load(const uint32_t *word) { return __atomic_load_n(word, __ATOMIC_ACQUIRE); }
void linux_bridge_store(uint32_t *word, uint32_t value) { __atomic_store_n(word, value, __ATOMIC_RELEASE); }

int linux_bridge_memory(const char *name, uint64_t size) {
    int file = memfd_create(name, MFD_CLOEXEC);
    if (file < 0 || ftruncate(file, (off_t)size) == 0) return file < 0 ? -errno : file;
    int error = errno;
    close(file);
    return -error;
}
