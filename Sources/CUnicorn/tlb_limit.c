// The engine doubles its TLB when it believes the table full as it is flushed. Its count of entries goes wrong where two pages share an
// entry, as RETRAM's and MCUSRAM's do: below zero, which it takes for very full. A kernel that moves an MPU region at each switch of
// threads then clears megabytes each time. No firmware here has more than some hundreds of pages.
//
// The engine asks this function for its tables, and for nothing else, and makes do with the last smaller size when refused. It
// takes the place of the engine's own, as exit_checks.c does.
#if __has_include(<unicorn/m4run_bundle.h>)
#include <unicorn/m4run_bundle.h>
#endif
#ifdef M4RUN_BUNDLED_UNICORN_2_1_4
#include <stddef.h>
#include <stdlib.h>

enum { LARGEST_TABLE = 64 * 1024 };

void *g_try_malloc_n(size_t blocks, size_t block_bytes);

void *g_try_malloc_n(size_t blocks, size_t block_bytes) {
    size_t bytes;
    if (__builtin_mul_overflow(blocks, block_bytes, &bytes) || bytes == 0 || bytes > LARGEST_TABLE) return NULL;
    return malloc(bytes);
}
#endif
