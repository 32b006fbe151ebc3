#!/bin/bash
# SPDX-License-Identifier: MIT
# fuzz.sh [SECONDS]: run each target of build/fuzz for that long, two at a time; without SECONDS for what
# tests/fuzz/NAME.seconds says, or 30. What is found stays in build/fuzz/found, with the input that shows
# it; new inputs are collected in build/fuzz/corpus.
set -u
cd "$(dirname "$0")/.."
seconds=${1:-}
mkdir -p build/fuzz/found build/fuzz/corpus

one() {
	local target=$1 seconds=$2 name dirs options=()
	name=$(basename "$target")
	if [ -z "$seconds" ]; then
		seconds=$(cat "tests/fuzz/$name.seconds" 2>/dev/null || echo 30)
	fi
	mkdir -p "build/fuzz/corpus/$name"
	dirs=("build/fuzz/corpus/$name")
	[ -d "tests/fuzz/corpus/$name" ] && dirs+=("tests/fuzz/corpus/$name")
	[ -f "tests/fuzz/$name.dict" ] && options+=("-dict=tests/fuzz/$name.dict")
	if scripts/steady.sh "$target" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 \
		-print_final_stats=1 -artifact_prefix="build/fuzz/found/$name-" "${options[@]}" "${dirs[@]}" \
		>"build/fuzz/$name.log" 2>&1; then
		echo "$name: $(sed -n 's/^stat::number_of_executed_units: *//p' "build/fuzz/$name.log") runs"
	else
		echo "$name failed:"
		tail -n 60 "build/fuzz/$name.log"
		return 1
	fi
}
export -f one

targets=$(find build/fuzz/tests/fuzz -maxdepth 1 -name 'fuzz_*' -type f -perm -u+x 2>/dev/null | sort)
if [ -z "$targets" ]; then
	echo "no fuzz targets in build/fuzz/tests/fuzz"
	exit 1
fi
echo "$targets" | xargs -P 2 -I{} bash -c 'one "$1" "$2"' - {} "$seconds"
