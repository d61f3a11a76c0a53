# SPDX-FileCopyrightText: 2026 The m4run authors
# SPDX-License-Identifier: MIT

# Core dumps: what the kernel makes of a crash, byte by byte.

dumps=$ROOT/sys/class/devcoredump
has_dump() { ls "$dumps" | grep -q '^devcd'; }
# take: the dump of a crash, whose headers are shown.
take() {
    put "$dbg/crash" 1
    await has_dump
    data=$(echo "$dumps"/devcd*/data)
    say "${data#"$ROOT"}"
    # Reads once at the end, where an inline dump says that it is done.
    dd if="$data" of="$TMP/dump" bs=4096 2>/dev/null
    wc -c <"$TMP/dump"
    headers=$((52 + 32 * $(od -An -j44 -N2 -tu2 "$TMP/dump")))
    head -c $headers "$TMP/dump" | od -An -v -tx4
}
discard() {
    put "$data" x
    say "discarded: $error"
}

for mode in enabled inline; do
    section "$mode"
    boot_echo
    put "$rp/coredump" $mode
    take
    # Memory but for rings and buffers, whose order is a matter of time, and for the log and the stack of the firmware.
    tail -c +$((headers + 1)) "$TMP/dump" | head -c 65536 | sha256sum
    tail -c +$((headers + 65537)) "$TMP/dump" | head -c 131072 | sha256sum
    discard
    await_log 'creating channel rpmsg-tty' 4
    log
    write state stop
    log

    # Firmware that has filled all memory and changes nothing in it: the rings are Linux's, and the dump is the same to the last byte.
    section "$mode, all of it"
    firmware tables/whole.elf
    put "$rp/state" start
    await_log 'is now up'
    take
    sha256sum <"$TMP/dump"
    discard
    await_log 'is now up' 2
    await_state running
    # The dump of what a recovery has started is another.
    take
    sha256sum <"$TMP/dump"
    discard
    await_log 'is now up' 3
    await_state running
    log
    write state stop
    log
done
