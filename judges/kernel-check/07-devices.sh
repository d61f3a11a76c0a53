# SPDX-FileCopyrightText: 2026 The m4run authors
# SPDX-License-Identifier: MIT

# QUICK
# Endpoints and channels that programs make: rpmsg_ctrl's and rpmsg_char's ioctls, reads, writes and polls.

devices() { ls "$ROOT/dev" | grep '^rpmsg[0-9]' | sort; }

section 'without firmware'
device <<'END'
create a any 0x400
open a rpmsg0
END
devices

section 'an endpoint'
boot_echo
device <<'END'
create mine any 0x400
open a rpmsg0
open b rpmsg0
poll a
read a 10
write a hello
await a
read a 100
read a 100
write a longer-than-what-is-read
await a
read a 6
read a 100
fill a 496
await a
read a 1000
fill a 497
write a first
write a second
await a
read a 100
await a
read a 100
close a
open a rpmsg0
poll a
write a again
await a
read a 100
END
devices
log

section 'addresses'
device <<'END'
create taken 0x400 0x401
open a rpmsg0
open a rpmsg1
create own 0x555 0x401
open b rpmsg2
write b hello
await b
read b 100
create twice 0x555 0x401
open c rpmsg3
create high 0x80000000 0x401
open c rpmsg4
create name-service 53 0x401
open c rpmsg5
create to-any any any
open d rpmsg6
write d nowhere
create a-name-that-has-more-than-thirty-one-characters any 0x400
bogus
open e rpmsg99
END
devices
log

section destroyed
device <<'END'
open a rpmsg0
open b rpmsg2
destroy a
poll a
read a 10
write a gone
open c rpmsg0
create next any 0x400
close a
create another any 0x400
destroy b
close b
END
devices
log

section channels
device <<'END'
channel rpmsg-tty any 0x500
channel rpmsg-tty any 0x500
channel no-driver any 0x400
channel rpmsg-raw any 0x401
END
await test -e "$ROOT/dev/ttyRPMSG2"
devices
names_in "$bus"
log
device <<'END'
release rpmsg-tty any 0x500
release rpmsg-tty any 0x500
release no-driver any any
release no-driver any any
release rpmsg-raw any 0x401
END
devices
names_in "$bus"
for tty in "$ROOT"/dev/ttyRPMSG*; do say "${tty##*/}"; done
log

section 'a raw channel'
put "$rp/state" stop
boot_echo
log_forget
device <<'END'
channel rpmsg-raw any 0x401
open a rpmsg0
open b rpmsg0
write a hello
await a
read a 100
destroy a
write a still
await a
read a 100
close a
open a rpmsg0
release rpmsg-raw any 0x401
poll a
read a 100
write a gone
open b rpmsg0
channel rpmsg-raw 0x600 0x401
close a
open b rpmsg1
write b hello
await b
read b 100
close b
END
devices
names_in "$bus"
log

section 'open at a stop'
device <<'END'
create stays any 0x400
open a rpmsg0
write a hello
state stop
poll a
read a 100
write a gone
create more any 0x400
close a
END
devices
log
write state start
await_log 'creating channel' 2
log
devices
write state stop
log
