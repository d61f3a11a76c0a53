// Calls into the engine for which there may be no memory: they come back with UC_ERR_NOMEM, and the engine is used no more.
//
// What the engine was doing is left half done. So an engine that has had no memory is not run again, and its memory is not given back.
#include "adapter.h"

#if M4_OWN_ENGINE
#include <setjmp.h>

// A place to come back to, on the stack of who calls the engine.
struct way_out { jmp_buf here; };

static void leave(void *context) { longjmp(((struct way_out *)context)->here, 1); }

uc_err m4_guarded(m4_engine *e, uc_err (*call)(m4_engine *e, void *argument), void *argument) {
    if (e->had_no_memory) return UC_ERR_NOMEM;
    struct way_out out;
    if (setjmp(out.here)) {
        m4run_set_no_memory(NULL, NULL);
        e->had_no_memory = true;
        return UC_ERR_NOMEM;
    }
    m4run_set_no_memory(leave, &out);
    uc_err error = call(e, argument);
    m4run_set_no_memory(NULL, NULL);
    return error;
}

#else
uc_err m4_guarded(m4_engine *e, uc_err (*call)(m4_engine *e, void *argument), void *argument) { return call(e, argument); }
#endif
