# SPDX-FileCopyrightText: 2026 The m4run authors
# SPDX-License-Identifier: MIT

# QUICK
# Garbage in rings, buffers and table, by the seed. The firmware writes some, rings, and waits until Linux has had its say, so that both sides
# see the same. Only the NEXT flags of descriptors stay as they are: those hang the kernel (98-fatal).

# Ten in five seconds, whose seconds they ever are; and an interrupt that comes when another has brought its message is a matter of when.
log_of_garbage() {
    log_mark
    sed -i '/msg received with no recipient/d; /callbacks suppressed/d; /incoming signal, but no used buffer/d' "$TMP/log"
    log
}

seeds=80
[ -z "$QUICK" ] || seeds=8
seed=1
while [ $seed -le $seeds ]; do
    boot ring-faults.elf 'creating channel rpmsg-tty'
    await test -e "$ROOT/dev/ttyRPMSG0"
    log_forget
    say "seed $seed"
    echo "calm $seed" >"$ROOT/dev/ttyRPMSG0"
    await grep -q 'calm again' "$dbg/trace0"
    usleep 50000
    log_of_garbage
    names_in "$bus"
    for tty in "$ROOT"/dev/ttyRPMSG*; do say "${tty##*/}"; done
    put "$rp/state" stop
    say "stop: $error"
    log_of_garbage
    seed=$((seed + 1))
done
