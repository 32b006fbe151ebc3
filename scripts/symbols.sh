#!/bin/sh
# SPDX-License-Identifier: MIT
# symbols.sh LIBNTMM.SO LIBNTMM.A: both define ntmm_ names only, and the library needs libc alone.
set -eu
bad=0
check() { # what, lines that should not be
	[ -z "$2" ] || { printf '%s:\n%s\n' "$1" "$2"; bad=1; }
}
exported=$(nm -D --defined-only "$1" | awk '{print $NF}')
[ -n "$exported" ] || { echo "$1 exports nothing"; exit 1; }
check "exported by $1" "$(echo "$exported" | grep -v '^ntmm_' || true)"
check "global in $2" "$(nm -g --defined-only "$2" | awk 'NF == 3 && $3 !~ /^ntmm_/ {print $3}')"
check "needed by $1" "$(objdump -p "$1" | awk '$1 == "NEEDED" && $2 !~ /^(libc\.so|ld-linux)/ {print $2}')"
exit $bad
