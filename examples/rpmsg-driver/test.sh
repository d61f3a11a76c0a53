# SPDX-FileCopyrightText: 2026 The m4run authors
# SPDX-License-Identifier: GPL-2.0-only

# What driver, application and firmware are to do together, in the guest: m4run linux ... --run test.sh. Its status is the command's.
control=/sys/class/remoteproc/remoteproc0
module=/m4run/own/rpmsg_sensor.ko
failures=0

# check WHAT EXPECTED COMMAND...: both output streams of the command, and its status in a last line when it is not 0.
check() {
    what=$1 expected=$2
    shift 2
    seen=$("$@" 2>&1) || seen="$seen
status $?"
    if [ "$seen" = "$expected" ]; then
        echo "ok: $what"
    else
        echo "FAILED: $what: expected '$expected', saw '$seen'"
        failures=$((failures + 1))
    fi
}

# wait_for COMMAND...: until it succeeds, for five seconds.
wait_for() {
    tries=0
    until "$@" 2>/dev/null; do
        tries=$((tries + 1))
        [ $tries -lt 100 ] || { echo "FAILED: waited in vain for: $*"; failures=$((failures + 1)); return 1; }
        usleep 50000
    done
}
both_there() { [ -c /dev/sensor0 ] && [ -c /dev/sensor1 ]; }

wait_for both_there
check 'the application gets an answer' '21.500 °C' sensor /dev/sensor0 temperature
check 'the next is another' '21.625 °C' sensor /dev/sensor0 temperature
check 'the second sensor is another one' '-2.000 °C' sensor /dev/sensor1 temperature
check 'each counts its own requests' '3 requests' sensor /dev/sensor0 requests
check 'many requests' '203 requests' sh -c 'sensor /dev/sensor0 requests 200 | tail -n1'
check 'an unknown channel' 'sensor: 7: Invalid argument
status 1' sensor /dev/sensor0 7
check 'no answer' 'sensor: 99: Connection timed out
status 1' sensor /dev/sensor0 99
check 'and the next request is answered all the same' '206 requests' sensor /dev/sensor0 requests
check 'the attribute counts answers' '205' cat /sys/class/misc/sensor0/device/answers

# Two programs on one sensor, and one on the other.
sensor /dev/sensor0 requests 300 >/tmp/a & a=$!
sensor /dev/sensor0 requests 300 >/tmp/b & b=$!
sensor /dev/sensor1 requests 300 >/tmp/c & c=$!
wait $a && wait $b && wait $c || { echo 'FAILED: a program among three'; failures=$((failures + 1)); }
check 'each request had its own answer' '600' sh -c 'sort -u /tmp/a /tmp/b | wc -l'
check 'the other sensor meanwhile' '301 requests' tail -n1 /tmp/c

# The module goes and comes.
check 'the module is removed' '' rmmod rpmsg_sensor
check 'its devices are gone' '' sh -c 'ls /dev | grep sensor; true'
check 'and it loads again' '' insmod $module
wait_for both_there
check 'to the same firmware' '807 requests' sensor /dev/sensor0 requests
(sleep 2) </dev/sensor0 &
usleep 300000
check 'in use it is not removed' "rmmod: can't unload module 'rpmsg_sensor': Resource temporarily unavailable
status 1" rmmod rpmsg_sensor
wait $!

# The firmware stops while a program has the sensor open, then in the midst of a request.
sensor /dev/sensor0 requests 1000000 10 >/tmp/out 2>/tmp/err & program=$!
usleep 300000
echo stop >$control/state
wait $program
check 'a program that has the sensor open learns of the end' 'sensor: requests: No such device' cat /tmp/err
check 'and its device is gone' '' sh -c 'ls /dev | grep sensor; true'
echo start >$control/state
wait_for both_there
check 'the firmware has started anew' '1 requests' sensor /dev/sensor0 requests
sensor /dev/sensor0 99 2>/tmp/err & program=$!
usleep 100000
echo stop >$control/state
wait $program
check 'a request that waits is let go' 'sensor: 99: No such device' cat /tmp/err

# The firmware crashes: Linux recovers it, and the driver is bound again.
echo start >$control/state
wait_for both_there
check 'before the crash' '1 requests' sensor /dev/sensor0 requests
echo 1 >/sys/kernel/debug/remoteproc/remoteproc0/crash
wait_for sh -c 'dmesg | grep -q "remote processor m4 is now up" && [ "$(cat /sys/class/remoteproc/remoteproc0/state)" = running ]'
usleep 500000
wait_for both_there
check 'behind the recovery' '1 requests' sensor /dev/sensor0 requests

check 'the kernel has nothing to complain of' '' sh -c 'dmesg | grep -E "BUG|WARNING|Oops"; true'
echo "$failures failed"
[ $failures -eq 0 ]
