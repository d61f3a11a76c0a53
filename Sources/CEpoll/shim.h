// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

// What the Glibc module lacks.
#include <sys/epoll.h>
