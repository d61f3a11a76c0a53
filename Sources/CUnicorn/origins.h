// Where the registers of a block come from. See origins.c.
#ifndef M4_ORIGINS_H
#define M4_ORIGINS_H
#include "CUnicorn.h"

enum { M4_ORIGIN_UNKNOWN = 0x8000 };

typedef struct m4_origins {
    /// A register is word-aligned when those are that have a bit here: registers as they are when the block starts.
    uint16_t of[16];
    /// Registers that are not what they were when the block started, a bit each.
    uint32_t written;
} m4_origins;

void m4_origins_begin(m4_origins *o);
/// The instruction at `at`; `conditional` inside of an IT block.
void m4_origins_step(m4_origins *o, const m4_engine *e, uint32_t at, uint16_t first, uint16_t second, bool conditional);

/// The register that must be word-aligned for an instruction, or -1.
int m4_aligned_base(uint16_t first, uint16_t second);
/// The registers that an instruction may change otherwise than by a multiple of four in its own base, a bit each.
uint32_t m4_written_registers(uint16_t first, uint16_t second);
#endif
