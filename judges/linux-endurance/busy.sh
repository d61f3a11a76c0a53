# SPDX-FileCopyrightText: 2026 The m4run authors
# SPDX-License-Identifier: MIT

# Traffic, stops and starts without end, for who kills the guest. In the guest.
control=/sys/class/remoteproc/remoteproc0
while true; do
    tries=0
    while [ ! -c /dev/ttyRPMSG0 ] && [ $tries -lt 100 ]; do usleep 50000; tries=$((tries + 1)); done
    echoes /dev/ttyRPMSG0 200
    echo stop >$control/state
    echo start >$control/state
done
