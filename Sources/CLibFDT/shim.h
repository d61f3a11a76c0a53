// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

// libfdt, of the device tree compiler's project. It has no pkg-config file before its release 1.7.
#include <libfdt.h>
