# Core dumps: what the kernel makes of a crash, byte by byte.

dumps=$ROOT/sys/class/devcoredump
for mode in enabled inline; do
    section "$mode"
    boot_echo
    put "$rp/coredump" $mode
    put "$dbg/crash" 1
    has_dump() { ls "$dumps" | grep -q '^devcd'; }
    await has_dump
    data=$(echo "$dumps"/devcd*/data)
    say "${data#"$ROOT"}"
    # Reads once at the end, where an inline dump says that it is done.
    dd if="$data" of="$TMP/dump" bs=4096 2>/dev/null
    wc -c <"$TMP/dump"
    headers=$((52 + 32 * $(od -An -j44 -N2 -tu2 "$TMP/dump")))
    head -c $headers "$TMP/dump" | od -An -v -tx4
    # Memory but for rings and buffers, whose order is a matter of time, and for the log and the stack of the firmware.
    tail -c +$((headers + 1)) "$TMP/dump" | head -c 65536 | sha256sum
    tail -c +$((headers + 65537)) "$TMP/dump" | head -c 131072 | sha256sum
    put "$data" x
    say "discarded: $error"
    await_log 'creating channel rpmsg-tty' 4
    log
    write state stop
    log
done
