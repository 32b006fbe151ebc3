/* SPDX-License-Identifier: MIT
 *
 * NtFlushInstructionCache (rules FI): a thread fetches what was stored last, so there is nothing to
 * do but to look at the arguments.
 */
#include "nt/target.h"

NTSTATUS NtFlushInstructionCache(HANDLE process, uint64_t address, uint64_t size)
{
	struct target target;
	if (address && !size)
		return STATUS_SUCCESS; /* FI-2 */
	target_open(&target, process, PROCESS_VM_WRITE);
	target_at(&target, address);
	NTSTATUS status = address > target.layout->maximum ? STATUS_ACCESS_VIOLATION /* FI-3 */
	                                                   : target_alive(&target);
	target_close(&target);
	return status;
}
