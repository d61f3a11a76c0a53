// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: GPL-2.0-only

/* Runs bare firmware on the engine and Sources/CUnicorn alone, without Swift: for hosts on which the whole is not built. Licence: GPL-2.0.
 *
 *   check ELF...     a line each: NAME RESULT CYCLES BLOCKS HASH, HASH being of R0 to R15, xPSR and all memory at the end
 *
 * RESULT is what semihosting's SYS_EXIT says, or why the run ended. Memory is 64 KiB at 0; all registers of devices read 0. Before the first, some
 * instructions are tried that trap. The same lines on two hosts mean that both executed the same. */
#include "CUnicorn.h"
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MEMORY = 64 << 10, SYS_EXIT = 0x18, EXIT_WELL = 0x20026 };
static const uint32_t all = M4_READ | M4_WRITE | M4_EXECUTE;

static uint32_t read_register(void *context, uint32_t address, uint32_t size) { return (void)context, (void)address, (void)size, 0; }
static void write_register(void *context, uint32_t address, uint32_t size, uint32_t value) { (void)context, (void)address, (void)size, (void)value; }

static m4_engine *make(uint8_t *memory, uint8_t *fetched) {
    uc_err error;
    m4_engine *e = m4_engine_open(&error);
    if (!e) {
        fprintf(stderr, "check: no engine: %s\n", uc_strerror(error));
        exit(1);
    }
    e->read_register = read_register;
    e->write_register = write_register;
    const m4_region regions[] = {
        {.start = 0, .size = MEMORY, .physical = 0, .permissions = all, .host = memory, .fetched = fetched},
        {.start = 0x30000000, .size = MEMORY, .physical = 0, .permissions = all, .host = memory, .fetched = fetched},
        {.start = 0x40000000, .size = 1 << 20, .physical = 0x40000000, .permissions = M4_READ | M4_WRITE},
        {.start = 0xE0000000, .size = 1 << 20, .physical = 0xE0000000, .permissions = M4_READ | M4_WRITE},
    };
    for (size_t i = 0; i < sizeof regions / sizeof *regions && error == UC_ERR_OK; i++) error = m4_engine_add_region(e, regions[i]);
    if (error == UC_ERR_OK) error = m4_engine_arm(e);
    if (error != UC_ERR_OK) {
        fprintf(stderr, "check: %s\n", uc_strerror(error));
        exit(1);
    }
    e->deadline = UINT64_MAX;
    return e;
}

static uint64_t hash(uint64_t h, const void *bytes, size_t count) {
    for (size_t i = 0; i < count; i++) h = (h ^ ((const uint8_t *)bytes)[i]) * 0x100000001B3u;
    return h;
}

static void report(m4_engine *e, const char *name, const char *result, const uint8_t *memory) {
    uint64_t h = 0xCBF29CE484222325u;
    for (int n = 0; n < 16; n++) {
        uint32_t value = m4_core_register(e, n);
        h = hash(h, &value, sizeof value);
    }
    uint32_t xpsr = m4_reg_read(e, UC_ARM_REG_XPSR);
    h = hash(hash(h, &xpsr, sizeof xpsr), memory, MEMORY);
    printf("%s %s %llu %u %016llx\n", name, result, (unsigned long long)e->cycles, e->history_count, (unsigned long long)h);
}

static const char *end_of(m4_engine *e, m4_stop stop) {
    if (stop == M4_STOP_BKPT && m4_core_register(e, 0) == SYS_EXIT) return m4_core_register(e, 1) == EXIT_WELL ? "well" : "badly";
    switch (stop) {
    case M4_STOP_SVC: return "svc";
    case M4_STOP_WFI: return "wfi";
    case M4_STOP_UNDEFINED: return "undefined";
    case M4_STOP_DIVIDE: return "divide";
    case M4_STOP_UNALIGNED: return "unaligned";
    case M4_STOP_NO_COPROCESSOR: return "no-coprocessor";
    case M4_STOP_DATA_FAULT: return "data-fault";
    case M4_STOP_FETCH_FAULT: return "fetch-fault";
    case M4_STOP_BOUNDARY: return "boundary";
    default: return "other";
    }
}

/* `movs r0, #1; movs r1, #0`, then each of these, then `wfi`. R2 is 0x1001. */
static void try_traps(void) {
    static const struct { const char *name; uint32_t traps; uint16_t code[4]; } tries[] = {
        {"udiv", 0, {0xFBB0, 0xF3F1, 0xBF30, 0}}, {"udiv-trapping", M4_TRAP_DIVIDE, {0xFBB0, 0xF3F1, 0xBF30, 0}},
        {"ldr", 0, {0x6813, 0xBF30, 0, 0}}, {"ldr-trapping", M4_TRAP_UNALIGNED_SINGLE, {0x6813, 0xBF30, 0, 0}},
        {"ldm", 0, {0xCA18, 0xBF30, 0, 0}}, {"strex", 0, {0xE842, 0x3400, 0xBF30, 0}},
        {"vadd", 0, {0xEE30, 0x0A00, 0xBF30, 0}}, {"vadd-denied", M4_TRAP_FPU, {0xEE30, 0x0A00, 0xBF30, 0}},
        {"udf", 0, {0xDEFF, 0, 0, 0}}, {"svc", 0, {0xDF01, 0, 0, 0}}, {"nowhere", 0, {0xF04F, 0x5200, 0x6813, 0xBF30}},
        {"it", M4_TRAP_DIVIDE, {0x2900, 0xBF18, 0xFBB0, 0xF3F1}},
    };
    for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
        uint8_t *memory = aligned_alloc(4096, MEMORY), fetched[MEMORY >> M4_PAGE_SHIFT] = {0};
        memset(memory, 0, MEMORY);
        static const uint16_t begin[] = {0x2001, 0x2100}, wfi = 0xBF30;
        memcpy(memory, begin, sizeof begin);
        memcpy(memory + sizeof begin, tries[i].code, sizeof tries[i].code);
        memcpy(memory + sizeof begin + sizeof tries[i].code, &wfi, sizeof wfi);
        m4_engine *e = make(memory, fetched);
        m4_engine_set_traps(e, tries[i].traps, false);
        m4_set_core_register(e, 2, 0x1001);
        report(e, tries[i].name, end_of(e, m4_engine_run(e, 1)), memory);
        m4_engine_close(e);
        free(memory);
    }
}

static bool load(const char *path, uint8_t *memory) {
    FILE *file = fopen(path, "rb");
    Elf32_Ehdr header;
    bool loaded = file && fread(&header, sizeof header, 1, file) == 1 && memcmp(header.e_ident, ELFMAG, SELFMAG) == 0;
    for (int i = 0; loaded && i < header.e_phnum; i++) {
        Elf32_Phdr segment;
        loaded = fseek(file, header.e_phoff + i * (long)sizeof segment, SEEK_SET) == 0 && fread(&segment, sizeof segment, 1, file) == 1;
        if (!loaded || segment.p_type != PT_LOAD || segment.p_filesz == 0) continue;
        loaded = segment.p_paddr <= MEMORY && segment.p_filesz <= MEMORY - segment.p_paddr && fseek(file, segment.p_offset, SEEK_SET) == 0
            && fread(memory + segment.p_paddr, segment.p_filesz, 1, file) == 1;
    }
    if (file) fclose(file);
    return loaded;
}

int main(int argc, char **argv) {
    try_traps();
    for (int i = 1; i < argc; i++) {
        uint8_t *memory = aligned_alloc(4096, MEMORY), fetched[MEMORY >> M4_PAGE_SHIFT] = {0};
        memset(memory, 0, MEMORY);
        if (!load(argv[i], memory)) {
            fprintf(stderr, "check: %s: not an ELF that loads into 64 KiB at 0\n", argv[i]);
            return 1;
        }
        m4_engine *e = make(memory, fetched);
        uint32_t vectors[2];
        memcpy(vectors, memory, sizeof vectors);
        m4_set_core_register(e, 13, vectors[0]);
        const char *slash = strrchr(argv[i], '/');
        report(e, slash ? slash + 1 : argv[i], end_of(e, m4_engine_run(e, vectors[1])), memory);
        m4_engine_close(e);
        free(memory);
    }
    return 0;
}
