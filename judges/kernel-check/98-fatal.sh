# SPDX-FileCopyrightText: 2026 The m4run authors
# SPDX-License-Identifier: MIT

# FATAL one-ring negative-offset no-region next
# What the kernel does not survive. Newer ones do not look at an offset that is negative.

case $CASE in
    one-ring | negative-offset)
        firmware "tables/$CASE.elf"
        put "$rp/state" start
        fatal
        ;;
    no-region)
        # It starts, and is not to be stopped.
        firmware tables/no-region.elf
        put "$rp/state" start
        put "$rp/state" stop
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
