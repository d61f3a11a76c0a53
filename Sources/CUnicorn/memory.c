// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

// Calls into the engine for which there may be no memory: they come back with UC_ERR_NOMEM, and the engine is used no more.
//
// What the engine was doing is left half done. So an engine that has had no memory is not run again, and its memory is not given back.
#include "adapter.h"

#if M4_OWN_ENGINE
#include <setjmp.h>

// A place to come back to, on the stack of who calls the engine.
struct way_out {
    jmp_buf here;
    m4_engine *engine;
    struct way_out *outer;
};
static _Thread_local struct way_out *innermost;

static void leave(void *context) { longjmp(((struct way_out *)context)->here, 1); }

static void set_innermost(struct way_out *out) {
    innermost = out;
    m4run_set_no_memory(out ? leave : NULL, out);
}

uc_err m4_guarded(m4_engine *e, uc_err (*call)(m4_engine *e, void *argument), void *argument) {
    if (e->had_no_memory) return UC_ERR_NOMEM;
    // From a hook of a call to the same engine: that call is left as a whole, for its half is done, too.
    if (innermost && innermost->engine == e) return call(e, argument);
    struct way_out out = {.engine = e, .outer = innermost};
    if (setjmp(out.here)) {
        set_innermost(out.outer);
        e->had_no_memory = true;
        return UC_ERR_NOMEM;
    }
    set_innermost(&out);
    uc_err error = call(e, argument);
    set_innermost(out.outer);
    return error;
}

#else
uc_err m4_guarded(m4_engine *e, uc_err (*call)(m4_engine *e, void *argument), void *argument) { return call(e, argument); }
#endif
