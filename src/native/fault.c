/* SPDX-License-Identifier: MIT */
#include "native/fault.h"

enum fault_answer fault_resolve(const struct fault *fault, NTSTATUS *status)
{
	(void)fault;
	*status = STATUS_ACCESS_VIOLATION;
	return FAULT_RAISE;
}
