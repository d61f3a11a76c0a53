# FATAL one-ring next
# What the kernel does not survive.

case $CASE in
    one-ring)
        firmware tables/one-ring.elf
        put "$rp/state" start
        fatal
        ;;
    next)
        boot ring-faults.elf 'creating channel rpmsg-tty'
        await test -e "$ROOT/dev/ttyRPMSG0"
        log
        echo next >"$ROOT/dev/ttyRPMSG0"
        fatal
        ;;
esac
