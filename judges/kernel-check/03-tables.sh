# SPDX-FileCopyrightText: 2026 The m4run authors
# SPDX-License-Identifier: MIT

# Resource tables and ELF headers of every kind: what the boot says, what the files show, and the stop.

while read -r name; do
    section "$name"
    firmware "tables/$name.elf"
    put "$rp/state" start
    started=$error
    state
    say "start: $started; $state"
    if [ "$started" != ok ]; then
        log
        continue
    fi
    cat "$dbg/resource_table"
    memories
    names_in "$dbg" "$bus"
    for trace in "$dbg"/trace*; do
        case $name:$trace in
            *'*') ;;
            *) say "${trace##*/}: $(head -n 3 "$trace")" ;;
        esac
    done
    write state stop
    log
done <"$ROOT/lib/firmware/tables/names"
