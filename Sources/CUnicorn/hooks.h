// What engine.c and hooks.c share.
#ifndef M4_HOOKS_H
#define M4_HOOKS_H
#include "CUnicorn.h"

// Counts by block: a direct-mapped table of `address << 32 | size << 16 | instructions`. 128 KiB an engine.
enum { M4_COUNTS = 1 << 14 };
static inline uint32_t m4_count_index(uint32_t address) { return (address >> 1) & (M4_COUNTS - 1); }

/// Whether a block has an instruction that may trap and has no hook yet.
bool m4_has_unhooked_site(m4_engine *e, uint32_t address, uint32_t size);
/// Hooks the instructions of the block at PC that may trap. Not while the engine runs.
void m4_hook_sites(m4_engine *e, uint32_t address, uint32_t size);

uc_err m4_install_hooks(m4_engine *e);
uint64_t m4_hook_read(uc_engine *uc, uint64_t offset, unsigned size, void *user);
void m4_hook_write(uc_engine *uc, uint64_t offset, unsigned size, uint64_t value, void *user);
/// Instructions in `size` bytes of code at `address`.
uint32_t m4_count_instructions(const m4_engine *e, uint32_t address, uint32_t size);
/// Drops translations of code in memory at `physical` and at its aliases.
void m4_forget_code(m4_engine *e, uint32_t physical, uint32_t size);
#endif
