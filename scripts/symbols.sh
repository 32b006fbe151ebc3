#!/bin/sh
# SPDX-License-Identifier: MIT
# symbols.sh LIBNTMM.SO LIBNTMM.A: both define ntmm_ names only, and the library needs libc alone, and
# of it nothing that allocates: malloc may be built on the library. (tests/api/test_no_malloc.c runs it.)
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
allocates='([cm]|re|reallocarr|aligned_|pv|v)alloc|memalign|posix_memalign|reallocarray|c?free|operator.*'
allocates="$allocates|w?str(n)?dup|v?asprintf|f(d|re)?open(64)?|fmemopen|open_w?memstream|popen|tmpfile(64)?"
allocates="$allocates|get(line|delim|cwd|addrinfo|pw.*|gr.*)|realpath|(fd)?opendir|scandir|glob|qsort(_r)?|bsearch_r"
allocates="$allocates|strerror(_[rl])?|perror|setlocale|dl(m)?open|(un)?setenv|putenv|setvbuf|.?printf|puts|.?scanf"
allocates="$allocates|regcomp|wordexp|atexit|pthread_(setspecific|attr_setaffinity_np)|backtrace.*|error|syslog"
check "allocates in $1" "$(nm -D -u "$1" | sed 's/@.*//' | awk '{print $NF}' |
	grep -xE "$allocates" | grep -vx fprintf || true)" # fprintf: a debug build's, before it aborts
exit $bad
