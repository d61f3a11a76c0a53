# SPDX-FileCopyrightText: 2026 The m4run authors
# SPDX-License-Identifier: MIT

# DEBUG
# What dynamic debug adds to a boot, a message each way and a stop. Threads race for the order of these lines, so that they are sorted, and how many
# interrupts bring as many messages is a matter of when they come: the one of a ring is shown once, and none that finds nothing.
in_order() {
    log_mark
    grep -v 'no message found in vq' "$TMP/log" | sort | awk '!/is interrupted$/ || $0 != last { print "| " $0 } { last = $0 }'
    : >"$TMP/log"
}

for name in tty-echo doctor-no-table doctor-never-polls ring-faults; do
    section $name
    firmware $name.elf
    write state start
    case $name in
        tty-echo) await_log 'creating channel' 2 ;;
        ring-faults) await_log 'creating channel' ;;
        *) settle ;;
    esac
    in_order
    if [ -e "$ROOT/dev/ttyRPMSG0" ]; then
        section 'a message'
        exec 7<>"$ROOT/dev/ttyRPMSG0"
        echo hello >&7
        read -r answer <&7
        exec 7>&-
        say "$answer"
        settle
        in_order
    fi
    write state stop
    in_order
done
