# SPDX-FileCopyrightText: 2026 The m4run authors
# SPDX-License-Identifier: MIT

# ATTACH tty-echo.elf
# Attached firmware that crashes: recovered from the file that is chosen.

section attached
write state start
await_log 'creating channel rpmsg-tty' 2
log
put "$dbg/crash" 1
settle
state
say "$state"
log
names_in "$bus"
write state start
write state detach
write state stop
settle
state
say "$state"
log
