# SPDX-FileCopyrightText: 2026 The m4run authors
# SPDX-License-Identifier: MIT

# Runs scripts of kernel-check one after another, each in a shell of its own, from the coprocessor offline: run.sh SCRIPT...
# Those that say ATTACH begin with a coprocessor that runs. Those that say DEBUG have the drivers' debug lines in their log; on the model's side that is an option of m4run's.
here=${0%/*}
dynamic_debug() {
    [ -z "$ROOT" ] || return 0
    for file in drivers/remoteproc/ drivers/rpmsg/ drivers/mailbox/stm32-ipcc drivers/tty/rpmsg_tty; do
        echo "file $file* $1p" >/sys/kernel/debug/dynamic_debug/control
    done
}
for script in "$@"; do
    echo "=== $script${CASE:+ $CASE}"
    (
        attached=$(grep '^# ATTACH' "$here/$script.sh")
        . "$here/lib.sh"
        debug=$(grep -c '^# DEBUG' "$here/$script.sh")
        [ "$debug" = 0 ] || dynamic_debug +
        if [ -z "$attached" ]; then
            to_offline
            log_forget
        fi
        . "$here/$script.sh"
        # Who has died has no more to say, and who is attached may be so still.
        [ -z "$CASE$attached" ] || exit 0
        [ "$debug" = 0 ] || dynamic_debug -
        to_offline
        log_forget
    )
done
echo "=== end"
