#!/bin/sh
# SPDX-License-Identifier: MIT
# steady.sh COMMAND...: run it at fixed addresses where the system allows that: the sanitizers of
# older compilers do not start under the widest address randomisation of newer kernels.
if setarch -R true 2>/dev/null; then
	exec setarch -R "$@"
fi
exec "$@"
