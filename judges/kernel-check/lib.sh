# SPDX-FileCopyrightText: 2026 The m4run authors
# SPDX-License-Identifier: MIT

# What the scripts of kernel-check share, for busybox' sh. The same lines run in the guest and on this host; what differs is in three variables:
#   ROOT    "" in the guest, the folder of --control on the model's side
#   LOG     "" in the guest, whose log is dmesg's; the file of m4run's stderr on the model's side
#   TMP     a folder for scratch files
#   KERNEL  bookworm or trixie, the kernel that is real, or that the profile stands for
# QUICK is set for a part of it all, CASE is the case of a FATAL script, M4RUN and PYTHON are programs on the model's side.
# The result of a write is what the shell's own `echo` says, so errors are the caller's errno in words.

rp=$ROOT/sys/class/remoteproc/remoteproc0
dbg=$ROOT/sys/kernel/debug/remoteproc/remoteproc0
bus=$ROOT/sys/bus/rpmsg/devices

# Lines of these drivers are compared; nothing else in the log has a counterpart.
export LOG_OF='^(remoteproc remoteproc[0-9]|rproc-virtio |virtio_rpmsg_bus |stm32-rproc |stm32-ipcc |rpmsg_[a-z]+ |virtio[0-9]+\.|virtio_rproc_|rpmsg_virtio [RT]X|NS announcement)'

say() { echo "$*"; }
section() { echo "--- $*"; }

# The error of a shell's redirection or of echo, without the shell's own words around it: "ok", or errno's text.
result() {
    if [ -s "$TMP/error" ]; then
        read -r error <"$TMP/error"
        error=${error##*: }
    else
        error=ok
    fi
}

# put FILE TEXT: one write of TEXT, in echo -e's notation.
put() {
    { echo -ne "$2" >"$1"; } 2>"$TMP/error"
    result
}

# What is in folders, a line each. (A program takes the guest 10 to 25 ms to start: what is done often is done by the shell itself where it can be.)
names_in() {
    local folder entry
    for folder in "$@"; do
        for entry in "$folder"/*; do [ ! -e "$entry" ] || say "${entry##*/}"; done
    done
}
# memories: debugfs' carveout_memories. Kernel addresses, as far as they are shown at all, say nothing; DMA addresses have 64 bits in kernels that are
# built for boards with such.
memories() {
    local line file=$dbg/carveout_memories
    # The shell reads byte by byte: what a program serves, as the model does, is copied first.
    if [ -n "$LOG" ]; then
        cat "$file" >"$TMP/memories"
        file=$TMP/memories
    fi
    while IFS= read -r line; do
        case $line in
            *'Virtual address:'*) line=${line%%:*}: ;;
            *'DMA address: 0x00000000'????????) line=${line%0x*}0x${line##*0x00000000} ;;
        esac
        say "$line"
    done <"$file"
}

# The first line of a file, or why there is none.
look() {
    value=
    { read -r value <"$1"; } 2>"$TMP/error"
    result
    [ "$error" = ok ] || value="($error)"
}
state() { look "$rp/state"; state=$value; }

# write FILE TEXT [SHOWN]: says the result, what FILE holds now, and the state behind it. FILE is a name in sysfs, or debugfs' as debug/NAME.
write() {
    local path=$rp/$1 written holds
    case $1 in debug/*) path=$dbg/${1#debug/} ;; esac
    put "$path" "$2"
    written=$error
    value=
    [ "$1" = debug/crash ] || look "$path"
    [ ${#value} -le 60 ] || value="${#value} characters"
    holds=$value
    state
    say "$1 <- '${3:-$2}': $written; $holds; $state"
}

# await COMMAND...: until it succeeds, for a minute at most.
seconds() { local now; read -r now _ </proc/uptime; echo "${now%.*}"; }
await() {
    local until=
    while ! "$@"; do
        [ -e "$rp/state" ] || { say "GONE: $*"; exit 1; }
        [ -n "$until" ] || until=$(($(seconds) + 60))
        if [ "$(seconds)" -gt $until ]; then
            say "TIMEOUT: $*"
            return 1
        fi
        usleep 20000
    done
}
is_state() { state; [ "$state" = "$1" ]; }
await_state() { await is_state "$1"; }

# Everything that the log has gained since the last `log` is in $TMP/log, without times. In the guest a program of ours does that, klog.
log_take() {
    if [ -z "$LOG" ]; then
        "$here/klog" take "$TMP/log"
        return
    fi
    # A line that is not yet whole stays for the next time.
    tail -c +$((log_seen + 1)) "$LOG" >"$TMP/new"
    head -n "$(wc -l <"$TMP/new")" "$TMP/new" >"$TMP/whole"
    log_seen=$((log_seen + $(wc -c <"$TMP/whole")))
    sed -nr "s/^\[ *[0-9]+\.[0-9]+\] //; T; /$LOG_OF/p" "$TMP/whole" >>"$TMP/log"
}
log_has() {
    log_take
    if [ "${2:-1}" = 1 ]; then grep -qE "$1" "$TMP/log"; else [ "$(grep -cE "$1" "$TMP/log")" -ge "$2" ]; fi
}
# await_log PATTERN [TIMES]: until the log since the last `log` or `log_forget` has such lines.
await_log() {
    if [ -n "$LOG" ]; then
        await log_has "$@"
    else
        "$here/klog" await "$TMP/log" 60 "$1" "${2:-1}" || say "TIMEOUT: log_has $*"
    fi
}

# On the model's side the log goes through a pipe: a word that no file takes marks how far it has come.
marks=0
log_mark() {
    if [ -z "$LOG" ]; then
        log_take
        return
    fi
    marks=$((marks + 1))
    put "$rp/state" "mark$marks"
    await_log "Unrecognised option: mark$marks\$"
    sed -i '/Unrecognised option: mark/d' "$TMP/log"
}
log_forget() { log_mark; : >"$TMP/log"; }
# Until the log has stood still for half a second: for firmware of which nothing is to be heard. (The model's own time runs ahead of the clock's,
# and so does a processor of this host's while it waits for firmware that never sleeps.)
settle() {
    local quiet=0 lines= size
    if [ -z "$LOG" ]; then
        "$here/klog" settle "$TMP/log"
        return
    fi
    while [ $quiet -lt 3 ]; do
        usleep 40000
        log_take
        size=$(wc -l <"$TMP/log")
        if [ "$size" = "$lines" ]; then quiet=$((quiet + 1)); else quiet=0; fi
        lines=$size
    done
}
# Prints it, and begins anew.
log() {
    local line
    log_mark
    while IFS= read -r line; do say "| $line"; done <"$TMP/log"
    : >"$TMP/log"
}
# firmware NAME: chosen, while offline.
firmware() { put "$rp/firmware" "$1\n"; [ "$error" = ok ] || say "firmware $1: $error"; }

# Brings the coprocessor to offline from wherever a script has left it.
to_offline() {
    for _ in 1 2 3 4 5 6; do
        state
        case $state in
            offline) break ;;
            crashed) put "$rp/recovery" recover; await_state running ;;
            *) put "$rp/state" stop ;;
        esac
    done
    put "$rp/firmware" tty-echo.elf
    put "$rp/recovery" enabled
    put "$rp/coredump" disabled
    [ "$state" = offline ] || say "STUCK in $state"
}
# boot NAME PATTERN TIMES: until the log has these lines. boot_echo: until both of the echo's channels are there.
boot() {
    firmware "$1"
    put "$rp/state" start
    [ "$error" = ok ] || say "start: $error"
    await_log "$2" "$3"
}
boot_echo() { boot tty-echo.elf 'creating channel rpmsg-tty' 2; }

# device: commands of a program that does what a shell cannot; device.py has the list.
device() {
    if [ -z "$LOG" ]; then "$here/device"; else "$PYTHON" "$here/device.py" "$ROOT" "$M4RUN"; fi
}
# tell N TEXT: a line to ttyRPMSGN by a write of its own. A pseudo-terminal's never fails: on the model's side it is ctl's, as the driver does it.
tell() {
    if [ ! -e "$ROOT/dev/ttyRPMSG$1" ]; then
        error='No such tty'
    elif [ -z "$LOG" ]; then
        { echo "$2" >"/dev/ttyRPMSG$1"; } 2>"$TMP/error"
        result
    elif "$M4RUN" ctl "$ROOT" "ttyRPMSG$1" "$2" 2>"$TMP/error"; then
        error=ok
    else
        # m4run: FILE: ERROR[: what was allowed]
        IFS=: read -r _ _ error _ <"$TMP/error"
        error=${error# }
    fi
}
# The kernel may be dead from here on: what the guest's end was is said by who has started it.
fatal() {
    if [ -z "$LOG" ]; then
        sleep 5
        say lives
    else
        local tries=0
        while [ $tries -lt 50 ] && ! grep -qE 'the kernel would oops|the machine hangs' "$LOG"; do
            usleep 100000
            tries=$((tries + 1))
        done
        case $(grep -oE 'would oops|machine hangs' "$LOG") in
            *oops*) say 'died: oops' ;;
            *hangs*) say 'died: hang' ;;
            *) say lives ;;
        esac
    fi
}
# limited COMMAND...: with 7 as its input, and killed after twenty seconds. (busybox' timeout would keep 7 open behind the command's end.)
limited() {
    "$@" <&7 &
    local worker=$!
    (
        exec 7>&- 8>&- >/dev/null
        sleep 20
        kill $worker
    ) 2>/dev/null &
    wait $worker 2>/dev/null
    kill $! 2>/dev/null
}

log_seen=0
# Of a kernel that has just attached its log is of interest from the beginning.
if [ -n "$LOG" ] && [ -z "$attached" ]; then log_seen=$(wc -c <"$LOG"); fi
: >"$TMP/log"
