// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

#if __has_include(<unicorn/unicorn.h>)
#include <unicorn/unicorn.h>
#else
#error "the engine is not there, or PKG_CONFIG_PATH does not name it: scripts/setup builds it; docs/guides/swift.md says how for other packages"
#endif
