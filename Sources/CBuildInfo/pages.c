// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

#include "CBuildInfo.h"
#include <stddef.h>

static const m4run_page pages[] = {
// scripts/build-info writes it, a line a page.
#if __has_include("generated/pages.h")
#include "generated/pages.h"
#endif
    {NULL, NULL},
};

const m4run_page *m4run_pages(void) { return pages; }
