# SPDX-FileCopyrightText: 2026 The m4run authors
# SPDX-License-Identifier: MIT

# ATTACH doctor-no-table.elf
# Running firmware without a resource table.

log
write state start
log
write state start
write state detach
write state stop
log
names_in "$dbg"
