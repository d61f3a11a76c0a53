# DEBUG
# What dynamic debug adds to a boot, a message each way and a stop. Threads race for the order of these lines, so that they are sorted.

for name in tty-echo doctor-no-table doctor-never-polls ring-faults; do
    section $name
    firmware $name.elf
    write state start
    case $name in
        tty-echo) await_log 'creating channel' 2 ;;
        ring-faults) await_log 'creating channel' ;;
        *) settle ;;
    esac
    log_sorted
    if [ -e "$ROOT/dev/ttyRPMSG0" ]; then
        section 'a message'
        exec 7<>"$ROOT/dev/ttyRPMSG0"
        echo hello >&7
        read -r answer <&7
        exec 7>&-
        say "$answer"
        settle
        log_sorted
    fi
    write state stop
    log_sorted
done
