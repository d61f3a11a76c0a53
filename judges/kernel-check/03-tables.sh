# Resource tables and ELF headers of every kind: what the boot says, what the files show, and the stop.

# Kernel addresses, as far as they are shown at all, say nothing; DMA addresses have 64 bits in kernels that are built for boards with such.
memories() { sed -r 's/(Virtual address:) .*/\1/; s/(DMA address: 0x)0{8}([0-9a-f]{8})$/\1\2/' "$dbg/carveout_memories"; }

while read -r name; do
    section "$name"
    firmware "tables/$name.elf"
    put "$rp/state" start
    started=$error
    state
    say "start: $started; $state"
    log
    [ "$started" = ok ] || continue
    cat "$dbg/resource_table"
    memories
    ls "$dbg" "$bus" | grep -v : | sort
    for trace in "$dbg"/trace*; do
        case $name:$trace in
            *'*') ;;
            *) say "${trace##*/}: $(head -n 3 "$trace")" ;;
        esac
    done
    write state stop
    log
done <"$ROOT/lib/firmware/tables/names"
