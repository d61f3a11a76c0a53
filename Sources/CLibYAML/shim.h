/* SPDX-FileCopyrightText: 2026 The m4run authors */
/* SPDX-License-Identifier: MIT */
#include <yaml.h>
