# SPDX-FileCopyrightText: 2026 The m4run authors
# SPDX-License-Identifier: GPL-2.0-only

# Says something to firmware that echoes, as tty-echo, over the real /dev/ttyRPMSG0. For m4run linux --run.
tty=/dev/ttyRPMSG0
while [ ! -c $tty ]; do usleep 50000; done
stty -F $tty raw -echo
exec 3<>$tty
echo "hello from $(uname -s)" >&3
read -t 5 line <&3
echo "the M4 says: $line"
[ "$line" = "hello from Linux" ]
