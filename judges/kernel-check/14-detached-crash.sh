# SPDX-FileCopyrightText: 2026 The m4run authors
# SPDX-License-Identifier: MIT

# ATTACH tty-echo.elf
# Running firmware that Linux has not attached to, and that crashes: it is stopped and started from a file, and Linux counts no user of it.

log
put "$dbg/crash" 1
await_log 'request_firmware failed'
await_state offline
log
write state start
log
write state stop
firmware tty-echo.elf
write state start
await_log 'creating channel rpmsg-tty' 2
log
put "$dbg/crash" 1
await_log 'creating channel rpmsg-tty' 2
await_state running
log
write state detach
write state stop
log
