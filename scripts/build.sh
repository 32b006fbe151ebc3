#!/bin/sh
# SPDX-License-Identifier: MIT
# build.sh PRESET [CMAKE-OPTION...]: configure and build build/PRESET; quiet unless it fails.
set -eu
cd "$(dirname "$0")/.."
preset=$1
shift
mkdir -p "build/$preset"
log=build/$preset/build.log
if ! { cmake --preset "$preset" "$@" && ninja -C "build/$preset" -j "$(nproc)"; } >"$log" 2>&1; then
	sed -n '/^FAILED:\|^CMake Error\|^ninja: error/,$p' "$log" | tail -n 150 >&2
	echo "building $preset failed: $log" >&2
	exit 1
fi
