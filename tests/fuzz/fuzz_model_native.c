/* SPDX-License-Identifier: MIT
 *
 * fuzz_model.c in the process itself.
 */
#define NATIVE 1
#include "fuzz_model.c"
