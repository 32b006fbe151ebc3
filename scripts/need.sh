#!/bin/sh
# SPDX-License-Identifier: MIT
# need.sh GROUP...: install what is missing from Debian's packages to do `run` or `test`.
# Without anything missing it neither installs nor uses the network.
set -eu

# group  package             what shows that it is there: a command, or a file
needed='
run      gcc                 gcc
run      libc6-dev           /usr/include/stdio.h
run      binutils            objcopy
run      cmake               cmake
run      ninja-build         ninja
run      pkg-config          pkg-config
run      libzstd-dev         /usr/include/zstd.h
run      zlib1g-dev          /usr/include/zlib.h
run      libjansson-dev      /usr/include/jansson.h
run      libsmartcols-dev    /usr/include/libsmartcols/libsmartcols.h
test     g++                 g++
test     clang               clang
test     libclang-rt-14-dev  /usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer-*.a
test     llvm                llvm-symbolizer
test     libcmocka-dev       /usr/include/cmocka.h
test     gnuplot-nox         gnuplot
test     mingw-w64-x86-64-dev /usr/x86_64-w64-mingw32/lib/libwinpthread-1.dll
test     mingw-w64-i686-dev  /usr/i686-w64-mingw32/lib/libwinpthread-1.dll
test     libz-mingw-w64      /usr/x86_64-w64-mingw32/lib/zlib1.dll
'

there() {
	case $1 in
	/*) ls $1 >/dev/null 2>&1 ;; # unquoted: a pattern
	*) command -v "$1" >/dev/null 2>&1 ;;
	esac
}

missing=
for group in "$@"; do
	missing="$missing $(echo "$needed" | while read -r its package sign; do
		[ "$its" != "$group" ] || there "$sign" || printf '%s ' "$package"
	done)"
done
missing=$(echo $missing)
[ -n "$missing" ] || exit 0

fail() {
	echo "missing: $missing" >&2
	echo "$1" >&2
	exit 1
}

command -v apt-get >/dev/null || fail "These are the names of Debian 12; install what corresponds here."
as_root=
if [ "$(id -u)" != 0 ]; then
	as_root="sudo -n"
	sudo -n true 2>/dev/null || fail "As root: apt-get install $missing"
fi

echo "installing: $missing"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
install() {
	$as_root apt-get install -y -q --no-install-recommends $missing >"$log" 2>&1
}
if ! install; then
	$as_root apt-get update -q >"$log" 2>&1 && install || {
		tail -n 20 "$log" >&2
		fail "apt-get could not install them; is there a network?"
	}
fi
