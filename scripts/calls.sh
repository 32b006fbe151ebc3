#!/bin/sh
# SPDX-License-Identifier: MIT
# calls.sh: every public call and flag has its row in docs/calls.md, and every Win32 and Nt call is
# found by GetProcAddress (src/win32/module.c).
#
#   calls.sh --list    the names that the headers declare, one a line
set -eu
cd "$(dirname "$0")/.."

headers=$(find include/ntmm -maxdepth 1 -name '*.h' | sort)
windows_calls() { grep -ohE 'NTMM_NAMED\([A-Za-z0-9]+\)' $headers | sed 's/.*(//; s/)//' | grep -vx name; }
inline_calls() { sed -n 's/^static inline .*[ *]\([A-Z][A-Za-z0-9]*\)(.*/\1/p' $headers; }
flags() {
	grep -ohE '^#define (MEM|PAGE|SEC|FILE_MAP|WRITE_WATCH|MAP|QUOTA_LIMITS)_[A-Z0-9_]+ ' $headers |
		awk '$2 != "MEM_EXTENDED_PARAMETER_TYPE_BITS" {print $2}'
}
names() { { windows_calls; inline_calls; flags; } | sort -u; }

if [ "${1:-}" = --list ]; then
	names
	exit 0
fi
bad=0
has_row() { # name: a row whose first cell names it
	grep -qE "^\|[^|]*\`$1\`[^|]*\|" docs/calls.md
}
for name in $(names); do
	has_row "$name" || { echo "docs/calls.md has no row of $name"; bad=1; }
done
for name in $(sed -n 's/^|\([^|]*\)|.*/\1/p' docs/calls.md | grep -oE '`[A-Za-z0-9_]+`' | tr -d '`' | sort -u); do
	names | grep -qx "$name" || { echo "docs/calls.md: $name is declared nowhere"; bad=1; }
done
for name in $(windows_calls | sort -u); do
	grep -q "{\"$name\", (call)$name, " src/win32/module.c ||
		{ echo "src/win32/module.c does not know $name"; bad=1; }
done
exit $bad
