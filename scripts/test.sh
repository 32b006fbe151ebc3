#!/bin/bash
# SPDX-License-Identifier: MIT
# test.sh [STAGE...]: build and test, by default everything. A stage that fails shows why; the others
# are still run.
#
#   gates    layering, S-numbers, docs/calls.md, headers alone (C11 and C++17, gcc and clang)
#   debug    gcc, NTMM_DEBUG: all tests and vectors, exported symbols
#   asan     clang, AddressSanitizer and UBSan: the same tests
#   tsan     clang, ThreadSanitizer: unit, race, api
#   fuzz     each fuzz target for FUZZ_SECONDS (30; what its .seconds file says)
#   install  install the release build elsewhere, build programs against it
#   stress   model, share, inject and race tests at length (NTMM_STRESS is set), debug and tsan
set -u
cd "$(dirname "$0")/.."
jobs=$(nproc)

run_ctest() { # preset timeout [ctest option...]
	local preset=$1 timeout=$2
	shift 2
	scripts/build.sh "$preset" &&
		ctest --test-dir "build/$preset" -j "$jobs" --timeout "$timeout" --output-on-failure \
			--no-tests=error "$@"
}

stage_gates() {
	local bad=0
	scripts/layers.sh || bad=1
	scripts/sgate.sh || bad=1
	scripts/calls.sh || bad=1
	scripts/headers.sh || bad=1
	return $bad
}
stage_debug() { run_ctest debug 120; }
stage_asan() { run_ctest asan 480; }
stage_tsan() { run_ctest tsan 240 -L '^(unit|race|api)$'; }
stage_fuzz() { scripts/build.sh fuzz && scripts/fuzz.sh ${FUZZ_SECONDS:-}; }
stage_install() { scripts/build.sh release && tests/install/run.sh build/release; }
stage_stress() {
	local bad=0
	run_ctest debug 3600 -L '^(model|share|inject|race)$' || bad=1
	run_ctest tsan 3600 -L '^race$' || bad=1
	return $bad
}

[ $# -gt 0 ] || set -- gates debug asan tsan fuzz install
mkdir -p build
failed=
for stage; do
	if ! declare -F "stage_$stage" >/dev/null; then
		echo "no stage '$stage'" >&2
		exit 2
	fi
	start=$SECONDS
	log=build/test-$stage.log
	if "stage_$stage" >"$log" 2>&1; then
		word=ok
		tests=$(sed -n 's/.*tests passed.* out of \([0-9]*\)$/ \1 tests,/p' "$log" | tail -n 1)
	else
		word=FAILED
		tests=
		failed="$failed $stage"
		grep -v -e '^ *[0-9]*/[0-9]* Test .* Passed ' -e '^ *Start ' "$log" | tail -n 300
	fi
	printf '%-8s %s,%s %d s\n' "$stage" "$word" "$tests" $((SECONDS - start))
done
printf '%-8s %s, %d s\n' total "${failed:+failed:}${failed:-passed}" "$SECONDS"
[ -z "$failed" ]
