# SPDX-FileCopyrightText: 2026 The m4run authors
# SPDX-License-Identifier: MIT

# A tty whose program does not read: what the tty layer keeps comes out whole, the rest is told of, and the tty goes on.

boot ring-faults.elf 'creating channel rpmsg-tty'
await test -e "$ROOT/dev/ttyRPMSG0"
exec 7<>"$ROOT/dev/ttyRPMSG0"
echo flood >&7
await grep -q flooded "$dbg/trace0"
await_log 'Trunc buffer: available space is 0'
# How many such lines there are is a matter of when they came: ten in five seconds.
sed -i '/Trunc buffer: available space is/d; /callbacks suppressed/d' "$TMP/log"
log
section 'what was kept'
# The first lines for certain, and no more than the buffers have: 640 KiB, each byte of which is good for two.
limited head -c 1200000 | sha256sum
cat <&7 >"$TMP/rest" &
reader=$!
quiet=0 size=
while [ $quiet -lt 5 ]; do
    usleep 200000
    now=$(wc -c <"$TMP/rest")
    if [ "$now" = "$size" ]; then quiet=$((quiet + 1)); else quiet=0; fi
    size=$now
done
kill $reader
# Some shells tell of it here.
wait $reader 2>/dev/null
[ "$size" -lt 50000 ] || say "$size more"
section 'and on it goes'
echo hello >&7
read -r -t 5 answer <&7
say "$answer"
exec 7>&-
write state stop
log
