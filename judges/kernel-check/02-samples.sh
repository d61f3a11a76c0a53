# SPDX-FileCopyrightText: 2026 The m4run authors
# SPDX-License-Identifier: MIT

# QUICK
# The kernel's log of each sample: chosen, started, stopped, and what its files say meanwhile.

# sample NAME [PATTERN TIMES]: what is awaited before it is stopped; without, that the log is quiet.
sample() {
    section "$1"
    firmware "$1.elf"
    put "$rp/state" start
    started=$error
    if [ -n "$2" ]; then await_log "$2" "${3:-1}"; elif [ "$started" = ok ]; then settle; fi
    state
    say "start: $started; $state"
    names_in "$bus"
    cat "$dbg/resource_table"
    log
    [ "$started" = ok ] || return
    write state stop
    log
}

sample tty-echo 'creating channel' 2
sample doctor-no-table
sample doctor-no-driver 'creating channel'
sample doctor-never-polls
sample crasher 'creating channel'
sample ring-faults 'creating channel'
sample tty-echo-st-layout 'creating channel' 2
sample printing-is-not-there

if [ -z "$QUICK" ]; then
    sample client-sample 'creating channel'
    sample swift-echo 'creating channel'
    sample steering 'creating channel' 6
    sample crasher-float-frame
    sample doctor-old-openamp 'creating channel'
    # Left out as a matter of microseconds: wipes-table does so when Linux may or may not have been there, of the torn messages of
    # no-receive-buffers as many are looked at as interrupts come apart, and irq-off, masked, mailbox-off and priority-masked, which never
    # wake, announce their channel where Linux has set DRIVER_OK before they look for it first, as it does when the M4 gets little time.
    for name in blinks clock default-handler early-fault error-handler error-handler-returns error-handler-stays gives-up-blinking gives-up-lit \
        handler-lock init-hangs lite-no-endpoint looks-at-pin lost no-endpoint no-kick pin-to-pin \
        returns rings-elsewhere silent silent-alone sleeps-masked thread-overflow tick-stopped unhandled waits-for-block \
        waits-for-block-alone waits-for-button waits-for-flag waits-for-timer withdrawn; do
        sample "doctor-$name"
    done

    section 'the watchdog of the M4'
    boot crasher.elf 'creating channel'
    echo watchdog >"$ROOT/dev/ttyRPMSG0"
    await_log 'creating channel' 2
    await_state running
    log
    write state stop
    log
fi
