/* SPDX-License-Identifier: MIT */
#include "names.h"

#include <ntmm/status.h>

#define NAME_OF(name, ...) \
	case name: return #name;

const char *error_name(DWORD error)
{
	switch ((int)error) {
		NTMM_ERROR_MAP(NAME_OF)
	default: return NULL;
	}
}

const char *status_name(NTSTATUS status)
{
	switch (status) {
		NTMM_STATUS_MAP(NAME_OF)
	default: return NULL;
	}
}
