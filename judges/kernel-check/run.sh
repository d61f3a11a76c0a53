# Runs scripts of kernel-check one after another, each in a shell of its own, from the coprocessor offline: run.sh SCRIPT...
# Those that say DEBUG have the drivers' debug lines in their log; on the model's side that is an option of m4run's.
here=${0%/*}
dynamic_debug() {
    [ -z "$ROOT" ] || return 0
    for file in drivers/remoteproc/ drivers/rpmsg/ drivers/mailbox/stm32-ipcc drivers/tty/rpmsg_tty; do
        echo "file $file* $1p" >/sys/kernel/debug/dynamic_debug/control
    done
}
for script in "$@"; do
    echo "=== $script"
    (
        . "$here/lib.sh"
        to_offline
        debug=$(grep -c '^# DEBUG' "$here/$script.sh")
        [ "$debug" = 0 ] || dynamic_debug +
        log_forget
        . "$here/$script.sh"
        [ "$debug" = 0 ] || dynamic_debug -
        to_offline
        log_forget
    )
done
echo "=== end"
