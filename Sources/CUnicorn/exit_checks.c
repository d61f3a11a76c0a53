// The engine follows each load and store of translated code with a call that asks whether a hook wants the run to end, and that
// call makes the code around it put all guest registers to memory: a quarter of the time of most firmware. On a board only hooked
// instructions (sites.c) can ask for it; all else waits for the end of the block. So the call is left out while there are none.
//
// This takes the place of the engine's own function, which scripts/setup has made weak in the bundled library and told so by
// that header. Its names and arguments are those of this one version.
#if __has_include(<unicorn/m4run_bundle.h>)
#include <unicorn/m4run_bundle.h>
#endif
#ifdef M4RUN_BUNDLED_UNICORN_2_1_4
#include "hooks.h"

typedef struct TCGContext TCGContext;
void check_exit_request_arm(TCGContext *context);
// Temporaries by their offset in the context.
uintptr_t tcg_const_i64_arm(TCGContext *context, int64_t value);
uintptr_t tcg_const_i32_arm(TCGContext *context, int32_t value);
void tcg_gen_callN_arm(TCGContext *context, void *function, void *result, int count, void **arguments);
void tcg_temp_free_internal_arm(TCGContext *context, void *temporary);
void helper_check_exit_request_arm(void *uc, uint32_t in_delay_slot);

void check_exit_request_arm(TCGContext *context) {
    const m4_engine *e = m4_running;
    if (!e || e->hooked_sites == 0) return;
    void *uc = (char *)context + tcg_const_i64_arm(context, (int64_t)(intptr_t)e->uc);
    void *no_delay_slot = (char *)context + tcg_const_i32_arm(context, 0);
    void *arguments[] = {uc, no_delay_slot};
    tcg_gen_callN_arm(context, (void *)helper_check_exit_request_arm, NULL, 2, arguments);
    tcg_temp_free_internal_arm(context, no_delay_slot);
    tcg_temp_free_internal_arm(context, uc);
}
#endif
