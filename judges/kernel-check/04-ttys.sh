# SPDX-FileCopyrightText: 2026 The m4run authors
# SPDX-License-Identifier: MIT

# Names of devices, messages through ttys, a flood, and what rings in disorder make Linux say.

names() {
    names_in "$bus"
    for entry in "$bus"/*; do
        for file in name src dst announce modalias; do
            look "$entry/$file"
            say "${entry##*/} $file: $value"
        done
    done
    for tty in "$ROOT"/dev/ttyRPMSG*; do say "${tty##*/}"; done
}
# A line to a tty, and what comes back.
ask() {
    exec 7<>"$ROOT/dev/$1"
    echo "$2" >&7
    read -r answer <&7
    exec 7>&-
    say "$1: $answer"
}

section names
boot_echo
await test -e "$ROOT/dev/ttyRPMSG1"
names
section messages
ask ttyRPMSG0 hello
ask ttyRPMSG1 'hello, second'
ask ttyRPMSG0 "$(seq 1 90 | tr '\n' ' ')"
log
section 'a thousand lines'
exec 7<>"$ROOT/dev/ttyRPMSG0"
n=0
while [ $n -lt 1000 ]; do
    echo "line $n" >&7
    read -r answer <&7
    [ "$answer" = "line $n" ] || say "line $n came back as $answer"
    n=$((n + 1))
done
exec 7>&-
say "$n"
log
write state stop
names
log

section 'rings in disorder'
# Each word is echoed, and then done. What Linux sees of it is in its log.
for word in descriptor available back id twice never long short leak kick status features address reserved flags source stranger \
    ns-size ns-name ns-flags ns-address ns-twice scribble hosts late; do
    boot ring-faults.elf 'creating channel rpmsg-tty'
    await test -e "$ROOT/dev/ttyRPMSG0"
    log_forget
    echo $word >"$ROOT/dev/ttyRPMSG0"
    settle
    say "$word"
    log
    put "$rp/state" stop
    say "stop: $error"
    log
done
