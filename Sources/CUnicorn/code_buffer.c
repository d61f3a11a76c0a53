// Where translated code lies decides what a call costs.
//
// Each translated block calls helpers: the engine's own, and the block hook. Translated code that lies within 2 GiB of them
// calls directly; from further away it calls through a register, which on current x86-64 costs about as much as the rest of a
// short block (measured: a third of a loop's time). The kernel puts a large anonymous mapping far from a statically linked
// engine, and the engine has no way to be told. So this answers in mmap64's place for the whole program: an anonymous mapping
// that is executable and does not say where is put close below the engine's code, when there is room; everything else goes to
// the kernel as it came. An engine in a shared library already has its mappings near.
#define _GNU_SOURCE
#include "CUnicorn.h"
#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__linux__) && defined(__x86_64__) && defined(MAP_FIXED_NOREPLACE)

enum { GAP = 64 << 20 };                        // left free below the program, for what is loaded there
static const uintptr_t reach = (uintptr_t)7 << 28;  // 1.75 GiB: the program and the buffer stay within a call's 2 GiB

static bool engine_is_static(void) {
    intptr_t distance = (intptr_t)((uintptr_t)&uc_open - (uintptr_t)&m4_engine_open);
    return distance > -(intptr_t)GAP && distance < (intptr_t)GAP;
}

static void *kernel_mmap(void *address, size_t length, int protection, int flags, int file, off64_t offset) {
    return (void *)syscall(SYS_mmap, address, length, protection, flags, file, offset);
}

void *mmap64(void *address, size_t length, int protection, int flags, int file, off64_t offset) {
    bool is_code_buffer = !address && file == -1 && (protection & PROT_EXEC) && (flags & MAP_ANONYMOUS)
        && length > 0 && length < reach && !(flags & MAP_FIXED);
    if (is_code_buffer && engine_is_static()) {
        uintptr_t step = (length + 0xFFFFF) & ~(uintptr_t)0xFFFFF;
        uintptr_t top = ((uintptr_t)&uc_open & ~(uintptr_t)0xFFFFF) - GAP;
        for (uintptr_t used = step; used < reach && used < top; used += step) {
            void *place = kernel_mmap((void *)(top - used), length, protection, flags | MAP_FIXED_NOREPLACE, file, offset);
            if (place == (void *)(top - used)) return place;
            // A kernel before 4.17 takes the address for a hint and answers with another.
            if (place != MAP_FAILED) return place;
            if (errno != EEXIST) break;
        }
    }
    return kernel_mmap(address, length, protection, flags, file, offset);
}

#endif
