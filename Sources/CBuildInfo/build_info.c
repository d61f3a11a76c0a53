// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

#include "CBuildInfo.h"
#include <stddef.h>

// scripts/build-info writes it; a package that depends on this one builds without.
#if __has_include("generated/commit.h")
#include "generated/commit.h"
#endif
#ifndef M4RUN_COMMIT
#define M4RUN_COMMIT NULL
#endif
#ifndef M4RUN_COMMIT_DATE
#define M4RUN_COMMIT_DATE NULL
#endif
#ifndef M4RUN_ENGINE_CHANGES
#define M4RUN_ENGINE_CHANGES 0
#endif

const char *m4run_version(void) { return M4RUN_VERSION; }
const char *m4run_commit(void) { return M4RUN_COMMIT; }
const char *m4run_commit_date(void) { return M4RUN_COMMIT_DATE; }
int m4run_engine_changes(void) { return M4RUN_ENGINE_CHANGES; }
