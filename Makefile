# SPDX-License-Identifier: MIT
# The commands that people use. What builds what is in CMakeLists.txt and CMakePresets.json.

PREFIX ?= /usr/local
RAM ?= 2M,4M,8M,16M
PAGING_FILE ?= 128M
TRACES ?= $(wildcard traces/*.lackey.zst)
STAGES ?=

.PHONY: help run test bench stress install clean

help:
	@echo 'make run      replay the recorded traces on machines of several RAM sizes'
	@echo 'make test     build and run every test (STAGES="gates debug" for some: see scripts/test.sh)'
	@echo 'make bench    measure'
	@echo 'make stress   the random, race and fuzz tests for much longer'
	@echo 'make install  PREFIX=$(PREFIX) DESTDIR='
	@echo 'make clean'

run:
	@scripts/need.sh run
	@scripts/build.sh release
	build/release/tool/ntmm replay --ram $(RAM) --paging-file $(PAGING_FILE) $(TRACES)

test:
	@scripts/need.sh run test
	@scripts/test.sh $(STAGES)

bench:
	@scripts/need.sh run
	@scripts/build.sh release
	build/release/bench/ntmm-bench

stress:
	@scripts/need.sh run test
	@NTMM_STRESS=1 FUZZ_SECONDS=600 scripts/test.sh stress fuzz

install:
	@scripts/need.sh run
	@scripts/build.sh release -DCMAKE_INSTALL_PREFIX=$(PREFIX)
	cmake --install build/release

clean:
	rm -rf build
