# SPDX-FileCopyrightText: 2026 The m4run authors
# SPDX-License-Identifier: MIT

# Firmware that takes no message: all buffers out. And a mailbox whose queue is full: twenty doorbells that wait for one to be answered.

# lines COUNT: how often each error came, one line after another.
lines() {
    local n=0 last= times=0
    while [ $n -lt "$1" ]; do
        tell 0 "line $n"
        if [ "$error" = "$last" ]; then
            times=$((times + 1))
        else
            [ -z "$last" ] || say "$times x $last"
            last=$error
            times=1
        fi
        n=$((n + 1))
    done
    say "$times x $last"
}

section 'all buffers out'
firmware tables/mute.elf
put "$rp/state" start
say "start: $error"
# It announces no tty.
echo "channel rpmsg-tty any 0x400" | device
await test -e "$ROOT/dev/ttyRPMSG0"
log
lines 20
log
put "$dbg/crash" 1
await_log 'is now up'
await_state running
log
echo "channel rpmsg-tty any 0x400" | device
await test -e "$ROOT/dev/ttyRPMSG0"
lines 20
write state stop
log

section 'a full mailbox'
boot ring-faults.elf 'creating channel rpmsg-tty'
await test -e "$ROOT/dev/ttyRPMSG0"
log
# Open, as what comes meanwhile is kept by the tty layer until more comes.
exec 7<>"$ROOT/dev/ttyRPMSG0"
echo full >&7
await grep -q 'full no more' "$dbg/trace0"
usleep 50000
log
section 'and on it goes'
limited head -c 125
say
echo hello >&7
read -r -t 5 answer <&7
say "$answer"
exec 7>&-
write state stop
log
