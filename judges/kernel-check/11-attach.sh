# SPDX-FileCopyrightText: 2026 The m4run authors
# SPDX-License-Identifier: MIT

# ATTACH tty-echo.elf
# Firmware that a boot loader has started: attached to, let go, attached to again, and stopped.

channels() {
    names_in "$bus"
    for tty in "$ROOT"/dev/ttyRPMSG*; do say "${tty##*/}"; done
}
ask() {
    # What is not there would become a file.
    if [ ! -c "$ROOT/dev/$1" ]; then say "no $1"; return; fi
    exec 7<>"$ROOT/dev/$1"
    echo "$2" >&7
    read -r -t 5 answer <&7
    exec 7>&-
    say "$1: $answer"
    answer=
}
files() {
    for file in state firmware recovery coredump name; do
        look "$rp/$file"
        say "$file: $value"
    done
    names_in "$dbg"
    cat "$dbg/resource_table"
    memories
}

section 'as it is found'
log
files
for word in stop detach 'stop\n' suspend running; do write state "$word"; done
write recovery recover
write firmware other.elf
log

section attached
write state start
await_log 'creating channel rpmsg-tty' 2
log
files
channels
# Doorbells: whether the kernel hears them while attached.
ask ttyRPMSG0 hello
ask ttyRPMSG1 'hello, second'
write state start
write state detach
write firmware other.elf
write recovery recover
log

section detached
write state detach
log
files
channels
write state detach
write state stop
log

section 'attached again'
write state start
await_log 'creating channel rpmsg-tty' 2
log
channels
ask ttyRPMSG0 again
ask ttyRPMSG1 'and again'
cat "$dbg/trace0"
write state detach
log

section 'attached, and stopped'
write state start
await_log 'creating channel rpmsg-tty' 2
log
write state stop
log
files
channels
section 'a boot, and from here on all is as ever'
write firmware tty-echo.elf
write state start
await_log 'creating channel rpmsg-tty' 2
log
channels
ask ttyRPMSG0 hello
write state detach
write state stop
log
