# SPDX-FileCopyrightText: 2026 The m4run authors
# SPDX-License-Identifier: MIT

# QUICK
# Firmware that is gone when Linux wants to recover: from there no word leads on, only a reload of the driver, so that this script is the last.

cp "$ROOT/lib/firmware/tty-echo.elf" "$ROOT/lib/firmware/goes-away.elf"
firmware goes-away.elf
write state start
await_log 'creating channel rpmsg-tty' 2
rm "$ROOT/lib/firmware/goes-away.elf"
log
put "$dbg/crash" 1
await_log 'request_firmware failed'
await_state offline
log
write state stop
write firmware tty-echo.elf
write state start
write state start
write state stop
write recovery recover
write debug/crash 1
log
