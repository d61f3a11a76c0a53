# SPDX-FileCopyrightText: 2026 The m4run authors
# SPDX-License-Identifier: MIT

# QUICK
# Ttys that programs have open while the firmware crashes or stops: they are hung up, and their numbers are taken until the last close.

ttys() { for tty in "$ROOT"/dev/ttyRPMSG*; do say "${tty##*/}"; done; }
# hold DESCRIPTOR N: opens ttyRPMSGN. What is not there would become a file.
hold() {
    if [ ! -c "$ROOT/dev/ttyRPMSG$2" ]; then say "no ttyRPMSG$2"; return; fi
    case $1 in
        7) exec 7<>"$ROOT/dev/ttyRPMSG$2" ;;
        8) exec 8<>"$ROOT/dev/ttyRPMSG$2" ;;
    esac
}
# Behind a close the number is free a moment later.
closed() { usleep 300000; }
crash() {
    put "$dbg/crash" 1
    await_log 'creating channel rpmsg-tty' 2
    await_state running
    log
    ttys
}
# What the file that 7 is gives, once it is hung up.
hung_up() {
    if read -r answer <&7; then say "read: $answer"; else say 'read: the end'; fi
    { echo more >&7; } 2>"$TMP/error"
    result
    say "write: $error"
}

section 'one is open'
boot_echo
log
ttys
hold 7 0
crash
hung_up
section 'it is open still'
crash
exec 7>&-
closed
section 'and closed'
crash

section 'two are open'
hold 7 1
hold 8 0
crash
exec 8>&-
closed
crash
hung_up
exec 7>&-
closed

section 'opened twice'
hold 7 0
hold 8 0
crash
exec 8>&-
closed
crash
exec 7>&-
closed
crash

section 'over a stop'
hold 7 0
write state stop
log
ttys
hung_up
write state start
await_log 'creating channel rpmsg-tty' 2
log
ttys
exec 7>&-
closed
write state stop
log
ttys
write state start
await_log 'creating channel rpmsg-tty' 2
log
ttys
write state stop
log
