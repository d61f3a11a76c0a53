# SPDX-FileCopyrightText: 2026 The m4run authors
# SPDX-License-Identifier: MIT

# QUICK
# Every word and garbage to every control file, in every state that one can come to, with the file's content and the state behind it.

long=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
huge=
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39 40 41 42; do huge=$huge$long; done

# What changes nothing, wherever it is written.
garbage() {
    for file in state recovery coredump debug/recovery debug/coredump; do
        for text in '\n' ' ' 'bogus' 'bogus\n' 'START' 'star' ' start' 'start ' 'start\n\n' 'start\r\n' 'startx' 'stop\0x' '\0' '\0start' '0' '-1' 'enabledx' 'Enabled\n' \
            'disable' 'inlin' 'detached' 'suspended' 'offline\n' 'running' 'crashed' 'a\nb\n' '\t' '%s' '\0377\0376' 'recove'; do
            case $file:$text in
                # debugfs compares beginnings only: these are words to it.
                debug/*:enabledx | debug/*:recove | state:stop*) continue ;;
            esac
            write $file "$text" "$text"
        done
        write $file "$long" '100 x'
        write $file "$huge" '4200 x'
    done
    for file in name debug/name debug/trace0 debug/resource_table debug/carveout_memories; do
        write $file m4
        write $file ''  # opens, and writes nothing
    done
    for text in '' '\n' x '-1' '0x' '08' '4294967296' '99999999999999999999' '1 ' ' 1' '1\n\n' '1x' '0b1' "$long"; do write debug/crash "$text"; done
    log
}

# Those that take effect at once, and can be taken back.
settings() {
    for text in disabled enabled 'disabled\n' 'enabled\n' 'disabled\0y' 'enabled\0'; do write recovery "$text"; done
    for text in disabledyz enabledyz disabled enabled 'enabled\n' disable; do write debug/recovery "$text"; done
    for text in enabled 'inline\n' 'disabled\0z' inline disabled default 'default\n'; do write coredump "$text"; done
    for text in enabled inline disabled enabledx inlinexx disabledx 'disabled\n' default; do write debug/coredump "$text"; done
    log
}

names() {
    for text in '\n' '\nx' 'a.elf' 'b.elf\n' 'c.elf\nrest' 'd.elf\n\n' ' e.elf' 'f.elf ' 'g/../h' '/abs' '..' '.' 'i\0j' "$long"; do write firmware "$text"; done
    log
}

section offline
garbage
settings
names
firmware tty-echo.elf
for word in stop detach 'stop\n' 'detach\n' recover; do
    case $word in
        recover) write recovery recover ;;
        *) write state "$word" ;;
    esac
done
write debug/crash 1
log

section 'start of what is not there'
firmware not-there.elf
write state start
firmware ../not-there.elf
write state start
log
firmware tty-echo.elf

section running
write state 'start\n'
await_log 'creating channel rpmsg-tty' 2
log
garbage
settings
names
write state detach
write recovery recover
log

section 'running, counted twice'
write state start
write state 'start\n'
write state detach
names
write state stop
write state stop
log
write state stop
log
write state stop
log

section crashed
boot_echo
write recovery disabled
log
put "$dbg/crash" 1
await_state crashed
log
garbage
names
for text in enabled inline disabled; do write coredump "$text"; write debug/coredump "$text"; done
write state start
write state stop
write state detach
write state stop
put "$dbg/crash" 2
await_log 'crash detected'
log

section 'recovered by recover'
# Newer kernels have stopped it.
state
if [ "$state" = offline ]; then
    boot_echo
    put "$dbg/crash" 1
    await_state crashed
    log
fi
write recovery recover
await_log 'creating channel rpmsg-tty' 2
log
# The start of a crashed one has counted, too.
write state start
write state stop
write state stop
write state stop
log

section 'recovered by enabled'
boot_echo
write recovery disabled
put "$dbg/crash" 0
await_state crashed
log
write recovery enabled
await_log 'creating channel rpmsg-tty' 2
log
for type in 0 1 2 3 0x7fffffff 017 '+1\n' 4294967295; do
    put "$dbg/crash" "$type"
    say "crash $type: $error"
    await_log 'creating channel rpmsg-tty' 2
    state
    say "$state"
    log
done
write state stop
log

section 'recovered through debugfs'
boot_echo
write debug/recovery disabled
put "$dbg/crash" 3
await_state crashed
write debug/recovery recover
await_log 'creating channel rpmsg-tty' 2
log
write debug/recovery disabled
put "$dbg/crash" 3
await_state crashed
write debug/recovery recove
await_log 'creating channel rpmsg-tty' 2
log
write debug/recovery 'recover\n'
write debug/recovery recoverxyz
write debug/recovery disabled
put "$dbg/crash" 3
await_log 'handling crash'
await_state crashed
write debug/recovery enabled
await_log 'creating channel rpmsg-tty' 2
log
write state stop
log
