/* SPDX-License-Identifier: MIT
 *
 * The host does not know guards, if NTMM_TEST_BARE says so.
 */
#include <stdbool.h>
#include <stdlib.h>

#include "base/os_pages.h"

bool __real_os_pages_know_guards(void);
bool __wrap_os_pages_know_guards(void);

bool __wrap_os_pages_know_guards(void)
{
	return !getenv("NTMM_TEST_BARE") && __real_os_pages_know_guards();
}
