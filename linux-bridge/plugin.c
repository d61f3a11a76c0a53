// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

// A plugin for QEMU's translator: a store of the guest to a watched word waits until the board beside QEMU has acted on it. Polling the words
// instead loses doorbells, or floods the guest with interrupts that it has already answered.
//
//   -plugin linux-bridge.so,page=FILE,watch=START+LENGTH[,watch=...]
//
// FILE is the page of bridge_page.h. START is an address in the guest's physical memory, LENGTH in bytes; both decimal or 0x.
//
// QEMU before 8 gives as the physical address of memory: its block's place among all blocks, plus the address of the block's region. That is
// the address for the first block, so the guest's memory has to be made first, and to be so large that no other block's sum can be watched.
#define _GNU_SOURCE
#include "../Sources/CLinuxBridge/include/bridge_page.h"
#include "qemu_plugin.h"
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

enum {
    MOST_RANGES = 32,
    PAGE_OFFSET_MASK = 0xFFF,
    // Some microseconds; a board that runs on another core has answered by then.
    SPINS = 4000,
    // How often a sleeping store looks whether the board is still there.
    LOOK_EVERY_MS = 100,
};

struct range {
    uint64_t start, end;
};

static struct linux_bridge_page *page;
static struct range ranges[MOST_RANGES];
static size_t range_count;
// A bit for each word of a page: whether an access that begins in it can touch a watched one.
static uint32_t words[(PAGE_OFFSET_MASK + 1) / 4 / 32];
// Whether this QEMU copies an instruction's bytes; older ones say where they are.
static bool copies_instructions;
// One store at a time, on a guest of several processors.
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

// QEMU reads it when the plugin is loaded. It takes versions from a least one up to its own: 1 is too old for QEMU 9 and 2 is too new for
// those before. A function that came with 2 tells which this is.
PLUGIN_EXPORT int qemu_plugin_version = 1;
__attribute__((constructor)) static void declare_version(void) {
    if (dlsym(RTLD_DEFAULT, "qemu_plugin_scoreboard_new")) qemu_plugin_version = 2;
}

static void futex(uint32_t *word, int operation, uint32_t value, const struct timespec *time) {
    syscall(SYS_futex, word, operation, value, time, NULL, 0);
}

static bool board_is_gone(void) {
    if (__atomic_load_n(&page->closed, __ATOMIC_ACQUIRE)) return true;
    if (kill((pid_t)page->host_pid, 0) == 0 || errno != ESRCH) return false;
    __atomic_store_n(&page->closed, 1, __ATOMIC_RELEASE);
    return true;
}

static void wait_for_board(uint32_t request) {
    const struct timespec while_asleep = {.tv_nsec = LOOK_EVERY_MS * 1000000L};
    for (int i = 0; i < SPINS; i++) {
        if (__atomic_load_n(&page->acknowledged, __ATOMIC_ACQUIRE) == request) return;
        linux_bridge_pause();
    }
    while (true) {
        uint32_t acknowledged = __atomic_load_n(&page->acknowledged, __ATOMIC_ACQUIRE);
        if (acknowledged == request || board_is_gone()) return;
        futex(&page->acknowledged, FUTEX_WAIT, acknowledged, &while_asleep);
    }
}

static void tell_board(uint32_t address, uint32_t size) {
    pthread_mutex_lock(&turn);
    if (!__atomic_load_n(&page->closed, __ATOMIC_ACQUIRE)) {
        page->address = address;
        page->size = size;
        uint32_t request = __atomic_add_fetch(&page->request, 1, __ATOMIC_SEQ_CST);
        futex(&page->request, FUTEX_WAKE, INT32_MAX, NULL);
        wait_for_board(request);
    }
    pthread_mutex_unlock(&turn);
}

// After each access of the guest: QEMU 7.2 calls for loads, too, whatever was asked for.
static void accessed(unsigned vcpu, qemu_plugin_meminfo_t info, uint64_t virtual_address, void *unused) {
    (void)vcpu;
    (void)unused;
    // Pages are at least 4 KiB: the lower bits are the physical address's, and nearly every store is done with here.
    uint32_t word = (virtual_address & PAGE_OFFSET_MASK) / 4;
    if (!(words[word / 32] >> (word % 32) & 1) || !qemu_plugin_mem_is_store(info)) return;
    struct qemu_plugin_hwaddr *where = qemu_plugin_get_hwaddr(info, virtual_address);
    if (!where || qemu_plugin_hwaddr_is_io(where)) return;
    uint64_t start = qemu_plugin_hwaddr_phys_addr(where), end = start + (1U << qemu_plugin_mem_size_shift(info));
    for (size_t i = 0; i < range_count; i++) {
        if (start < ranges[i].end && end > ranges[i].start) {
            tell_board((uint32_t)start, (uint32_t)(end - start));
            return;
        }
    }
}

// The instruction of four bytes, or 0 for another.
static uint32_t opcode(const struct qemu_plugin_insn *instruction) {
    uint32_t code = 0;
    if (qemu_plugin_insn_size(instruction) != sizeof code) return 0;
    if (copies_instructions) return qemu_plugin_insn_data(instruction, &code, sizeof code) == sizeof code ? code : 0;
    const void *(*data)(const struct qemu_plugin_insn *) =
        (const void *(*)(const struct qemu_plugin_insn *))(void (*)(void))qemu_plugin_insn_data;
    memcpy(&code, data(instruction), sizeof code);
    return code;
}

// Whether an instruction cannot store a word, or more, but to the stack: most that have to do with memory. Calling back for each of them would take
// as long as all the rest of the guest. Registers of the chip are written in words.
// Source: ARMv7-A ARM, A5.2 to A5.6, and A6.3 for what is a Thumb instruction of four bytes; those, and what is unclear, can.
static bool cannot_store(uint32_t code) {
    enum { LOAD = 1 << 20, BYTE = 1 << 22 };
    bool is_thumb = (code >> 11 & 0x1F) >= 0x1D;
    if (code == 0 || is_thumb || code >> 28 == 0xF) return false;
    bool on_stack = (code >> 16 & 0xF) == 13;
    switch (code >> 25 & 7) {
    case 0: // Halfwords and pairs: a pair is stored by 11 in bits 6 and 5. Exclusive ones have 00 there.
        return (code & 0x90) != 0x90 || on_stack || ((code & 0x60) == 0x20) || ((code & 0x60) == 0x40) || ((code & 0x60) != 0 && code & LOAD) ||
            ((code & 0x60) == 0 && (code >> 23 & 0x1F) == 3 && code & LOAD);
    case 2: case 3: return on_stack || code & (LOAD | BYTE);
    case 4: case 6: return on_stack || code & LOAD;
    default: return true;
    }
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *block) {
    (void)id;
    size_t count = qemu_plugin_tb_n_insns(block);
    for (size_t i = 0; i < count; i++) {
        struct qemu_plugin_insn *instruction = qemu_plugin_tb_get_insn(block, i);
        if (cannot_store(opcode(instruction))) continue;
        qemu_plugin_register_vcpu_mem_cb(instruction, accessed, QEMU_PLUGIN_CB_NO_REGS, QEMU_PLUGIN_MEM_W, NULL);
    }
}

static bool watch(const char *text) {
    char *end;
    errno = 0;
    uint64_t start = strtoull(text, &end, 0), length = *end == '+' ? strtoull(end + 1, &end, 0) : 0;
    if (errno || *end || length == 0 || start + length > (uint64_t)1 << 32 || start + length < start || range_count == MOST_RANGES) {
        fprintf(stderr, "linux-bridge: watch=%s: allowed is START+LENGTH below 4 GiB, %d times\n", text, MOST_RANGES);
        return false;
    }
    ranges[range_count++] = (struct range){start, start + length};
    // An access of eight bytes may begin in the word before, one that is not aligned in the one before that.
    uint64_t first = start / 4 - (start >= 8 ? 2 : 0), last = (start + length - 1) / 4;
    for (uint64_t word = first; word <= last && word - first <= PAGE_OFFSET_MASK / 4; word++) {
        uint32_t inPage = word & PAGE_OFFSET_MASK / 4;
        words[inPage / 32] |= 1U << (inPage % 32);
    }
    return true;
}

static bool map_page(const char *path) {
    int file = open(path, O_RDWR | O_CLOEXEC);
    void *memory = file < 0 ? MAP_FAILED : mmap(NULL, LINUX_BRIDGE_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    off_t size = file < 0 ? 0 : lseek(file, 0, SEEK_END);
    if (memory == MAP_FAILED) fprintf(stderr, "linux-bridge: page=%s: %s\n", path, strerror(errno));
    if (file >= 0) close(file);
    if (memory == MAP_FAILED) return false;
    if (size < LINUX_BRIDGE_PAGE_SIZE) {
        fprintf(stderr, "linux-bridge: page=%s: %lld bytes; allowed is %d\n", path, (long long)size, LINUX_BRIDGE_PAGE_SIZE);
        return false;
    }
    page = memory;
    if (__atomic_load_n(&page->magic, __ATOMIC_ACQUIRE) != LINUX_BRIDGE_MAGIC || page->version != LINUX_BRIDGE_VERSION) {
        fprintf(stderr, "linux-bridge: page=%s: magic 0x%08x, version %u; allowed are 0x%08x and %d\n", path, page->magic, page->version,
            LINUX_BRIDGE_MAGIC, LINUX_BRIDGE_VERSION);
        return false;
    }
    return true;
}

PLUGIN_EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv) {
    copies_instructions = info->version.cur >= 3;
    for (int i = 0; i < argc; i++) {
        bool done = false;
        if (strncmp(argv[i], "page=", 5) == 0) done = map_page(argv[i] + 5);
        else if (strncmp(argv[i], "watch=", 6) == 0) done = watch(argv[i] + 6);
        else fprintf(stderr, "linux-bridge: %s: allowed are page=FILE and watch=START+LENGTH\n", argv[i]);
        if (!done) return -1;
    }
    if (!page) {
        fprintf(stderr, "linux-bridge: no page=FILE\n");
        return -1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    return 0;
}
