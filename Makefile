# SPDX-FileCopyrightText: 2026 The m4run authors
# SPDX-License-Identifier: MIT

# Everything that is built, run and tested here. Each target sets the machine up first, which takes no time when nothing is missing;
# scripts/run and scripts/test do so even where `make` is what is missing.
#   UNICORN=auto|system   which libunicorn; see scripts/setup
#   TEST_FLAGS            more for `swift test`, as in make test TEST_FLAGS='--filter Vring'
#
# Tests share the release build with everything else. They use public faces only: with testable imports SwiftPM would compile
# every module a second way, and make build and make test would throw each other's work away.

UNICORN ?= auto
export UNICORN

ifeq ($(UNICORN),system)
SCRATCH := .build-system
else
SCRATCH := .build
export PKG_CONFIG_PATH := $(CURDIR)/.deps/pkgconfig$(if $(PKG_CONFIG_PATH),:$(PKG_CONFIG_PATH))
endif

SWIFT_FLAGS := --scratch-path $(SCRATCH)
export M4RUN := $(CURDIR)/$(SCRATCH)/release/m4run
export M4RUN_FIRMWARE := $(CURDIR)/.build/firmware
export M4RUN_LINK_RECORD := $(CURDIR)/$(SCRATCH)/link
export TEST_LOG ?= $(SCRATCH)/test.log
SWIFT_TEST := scripts/filter-tests swift test $(SWIFT_FLAGS) -c release --disable-testable-imports

help:
	@echo 'make build     $(SCRATCH)/release/m4run and .build/firmware/*.elf'
	@echo 'make install   what is built, below PREFIX (/usr/local), behind DESTDIR for packages; make uninstall takes it away'
	@echo 'make package   a Debian source package of HEAD, of it a Debian package, and a tarball of the same files, into .build/packages'
	@echo 'make run       build, sign a sample, boot it, talk to it; scripts/run does the same, and needs no make'
	@echo 'make test      the tests, TEST_FLAGS="--filter NAME" for some; scripts/test does the same'
	@echo 'make test-as-user  as root: the tests that make test has built, as nobody'
	@echo 'make readme    puts into README.md, guides and pages what their examples print now; make test compares'
	@echo 'make licences  what is in a built m4run and beside it: version, licence, where the complete source is'
	@echo 'make device-tree   device-tree/*.dts through dtc, and what m4run reads in them'
	@echo 'make fuzz      random firmware, FUZZ_INSTRUCTIONS of it (10000000), from FUZZ_SEED on; each seed twice'
	@echo 'make kernel-ring  the virtqueue against the kernel'"'"'s own virtio_ring.c, RING_SEQUENCES (20000) random lives of a ring, from FUZZ_SEED on'
	@echo 'make kernel-check  the model of Linux against Debian'"'"'s kernels in QEMU, script by script; QUICK=1 for a minute of it, SCRIPTS="BEGINNING..." for some'
	@echo 'make fuzz-rings   garbage in rings, buffers and table, FUZZ_SEEDS of it (1000), from FUZZ_SEED on; each seed twice'
	@echo 'make hostile   HOSTILE_CASES (300) of hostile files, keys, device trees, command lines, firmware, readers and clients, from HOSTILE_SEED on'
	@echo 'make bench     one line a figure; BENCH_QUICK=1 for a short run'
	@echo 'make endurance ENDURANCE_ROUNDS (1000) starts and stops, and crashes and recoveries, with traffic, in every boot sequence'
	@echo 'make linux-endurance   a Linux guest: LINUX_ROUNDS (100) of start, crash, recovery and stop, LINUX_ECHOES (100000), LINUX_REBOOTS (100), LINUX_KILLS (100)'
	@echo 'make conformance   the core against the manual and qemu-system-arm, case by case; CASES="BEGINNING..." for some'
	@echo 'make gdb-lockstep   the conformance firmware in m4run and qemu-system-arm step by step, LOCKSTEPS (100000) of them, all registers after each; CASES="BEGINNING..." for some'
	@echo 'make thumb-check   the decoder of Thumb instructions against GNU objdump: every 16-bit encoding, many of 32 bits'
	@echo 'make corpus    signed images with OP-TEE'"'"'s answer to each, into .build/corpus, and ours beside it'
	@echo 'make fuzz-images   libFuzzer on signed images and ELF files for an hour, or FUZZ_SECONDS'
	@echo 'make system-engine  a build with the system'"'"'s libunicorn runs what it can with the same traces'
	@echo 'make gdb-suite  gdb'"'"'s own tests against m4run gdb; GDB_FILES="break step-test" for some'
	@echo 'make judge     what takes long, a line each: conformance, thumb-check, corpus, fuzz, fuzz-rings, kernel-ring, kernel-check, linux-endurance, endurance, hostile, system-engine, gdb-suite, gdb-lockstep; JUDGES="NAME..." for some'
	@echo 'make fuzz-debugger libFuzzer on what a client of the debugger might send, as long'
	@echo 'make linux-bridge   .build/linux-bridge.so, what QEMU loads beside a Linux guest; scripts/fetch-linux brings the guest'
	@echo 'make firmware  the samples alone'
	@echo 'make clean     remove what was built; what was fetched stays in .deps'

build: binary firmware linux-bridge

binary: setup
	swift build $(SWIFT_FLAGS) -c release --product m4run

firmware: setup
	@scripts/build-firmware

linux-bridge: setup
	@scripts/build-linux-bridge

# No build: as root there may be no Swift.
PREFIX ?= /usr/local
install uninstall:
	@PREFIX='$(PREFIX)' DESTDIR='$(DESTDIR)' scripts/install $(if $(filter uninstall,$@),--uninstall)

package:
	@scripts/package

licences:
	@scripts/licences

run: build
	@scripts/demo

test: firmware linux-bridge
	@scripts/run-tests $(SCRATCH) $(TEST_FLAGS)

test-as-user:
	@scripts/test-as-user

readme: build
	@scripts/setup dtc python
	@scripts/readme-outputs --write

FUZZ_INSTRUCTIONS ?= 10000000
FUZZ_SEED ?= 1
fuzz: setup
	@M4RUN_FUZZ_INSTRUCTIONS=$(FUZZ_INSTRUCTIONS) M4RUN_FUZZ_SEED=$(FUZZ_SEED) SWIFT_FLAGS='$(SWIFT_FLAGS)' scripts/fuzz

FUZZ_SEEDS ?= 1000
fuzz-rings: firmware
	@M4RUN_RING_SEEDS=$(FUZZ_SEEDS) M4RUN_FUZZ_SEED=$(FUZZ_SEED) \
	    $(SWIFT_TEST) --filter HostileRingTests

RING_SEQUENCES ?= 20000
kernel-ring: setup
	swift build $(SWIFT_FLAGS) -c release --product m4run-ring
	@M4RUN_RING=$(CURDIR)/$(SCRATCH)/release/m4run-ring scripts/kernel-ring $(RING_SEQUENCES) $(FUZZ_SEED)

kernel-check: build
	@scripts/kernel-check $(if $(QUICK),--quick) $(SCRIPTS)

HOSTILE_CASES ?= 300
HOSTILE_SEED ?= 1
hostile: build
	@scripts/hostile $(HOSTILE_CASES) --seed $(HOSTILE_SEED)

LINUX_ROUNDS ?= 100
LINUX_ECHOES ?= 100000
LINUX_REBOOTS ?= 100
LINUX_KILLS ?= 100
LINUX_SUITE ?= bookworm
linux-endurance: build
	@scripts/setup qemu cross
	@scripts/linux-endurance --rounds $(LINUX_ROUNDS) --echoes $(LINUX_ECHOES) --reboots $(LINUX_REBOOTS) --kills $(LINUX_KILLS) --suite $(LINUX_SUITE)

ENDURANCE_ROUNDS ?= 1000
endurance: firmware
	@ENDURANCE_ROUNDS=$(ENDURANCE_ROUNDS) $(SWIFT_TEST) --filter EnduranceTests

bench: build
	swift build $(SWIFT_FLAGS) -c release --product m4run-corpus
	swift build $(SWIFT_FLAGS) -c release --product m4run-rpmsg
	@scripts/bench

conformance: build
	@scripts/setup qemu
	@scripts/conformance $(CASES)

gdb-suite: build
	@scripts/setup gdb arm dejagnu
	@scripts/gdb-suite $(GDB_FILES)

gdb-lockstep: build
	@scripts/setup qemu
	@scripts/gdb-lockstep --steps $(or $(LOCKSTEPS),100000) $(CASES)

thumb-check:
	@scripts/setup objdump
	@scripts/thumb-check

corpus: build
	swift build $(SWIFT_FLAGS) -c release --product m4run-corpus
	@scripts/corpus

fuzz-images: corpus
	@scripts/fuzz-images

# A make of its own: the variables above are another engine's.
system-engine: build
	@$(MAKE) --no-print-directory UNICORN=system binary
	@scripts/trace-compare .build/release/m4run .build-system/release/m4run tty-echo client swift steering sensor bench-start bench-int bench-memory

fuzz-debugger: setup
	@scripts/fuzz-debugger

# Minutes to hours: before a release, and after a change to what they judge.
judge:
	@scripts/judge $(JUDGES)

device-tree: binary
	@scripts/setup dtc
	@mkdir -p .build/device-tree
	@for file in device-tree/*.dts; do \
		out=.build/device-tree/$$(basename $$file .dts).dtb; \
		complaints=$$(dtc -o $$out $$file 2>&1) && [ -z "$$complaints" ] || { echo "$$complaints" >&2; exit 1; }; \
		$(M4RUN) dt $$out || exit 1; \
	done

setup:
	@mkdir -p $(M4RUN_LINK_RECORD)
	@scripts/setup

clean:
	rm -rf .build .build-system

.PHONY: gdb-suite help build install uninstall package binary firmware linux-bridge licences run test test-as-user readme judge endurance fuzz fuzz-rings hostile kernel-ring kernel-check linux-endurance bench conformance gdb-lockstep thumb-check corpus fuzz-images system-engine fuzz-debugger \
    device-tree setup clean
