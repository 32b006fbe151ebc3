/* SPDX-License-Identifier: MIT */
#include "nt/era.h"

#include <ntmm/windows.h>

#define NEVER_ON_9X (MEM_RESET | MEM_RESET_UNDO | MEM_PHYSICAL | MEM_LARGE_PAGES)
#define VA_SHARED 0x08000000u /* W9-2: Windows' own name for it */
#define ALL_9X \
	.shared_type = VA_SHARED, \
	.ignored_types = MEM_TOP_DOWN, .no_bytes = STATUS_NO_MEMORY, \
	.not_committed = STATUS_INVALID_PARAMETER, .denied = STATUS_INVALID_PARAMETER, \
	.reserved_protect = PAGE_NOACCESS, .plain = true, .forgets = true

static const struct era eras[WINDOWS_KINDS] = {
	[WINDOWS_NT] = {.no_bytes = STATUS_INVALID_PARAMETER_4,
                        .has_later_calls = true,
                        .locks = true},
	[WINDOWS_95] = {ALL_9X, .refused_types = NEVER_ON_9X | MEM_WRITE_WATCH},
	[WINDOWS_98] = {ALL_9X, .refused_types = NEVER_ON_9X},
};

const struct era *era_of(const struct layout *layout)
{
	return &eras[layout->windows];
}

NTSTATUS era_check_type(const struct era *era, uint32_t *type)
{
	if (*type & era->refused_types)
		return STATUS_INVALID_PARAMETER;
	*type &= ~era->ignored_types;
	return STATUS_SUCCESS;
}

/* What executes is what can be read; there are no guards. */
static bool plain_prot(prot_t asked, prot_t *prot)
{
	static const prot_t plain[] = {
		[PROT_READONLY] = PROT_READONLY,
		[PROT_EXECUTE] = PROT_READONLY,
		[PROT_EXECUTE_READ] = PROT_READONLY,
		[PROT_READWRITE] = PROT_READWRITE,
		[PROT_WRITECOPY] = PROT_WRITECOPY,
		[PROT_EXECUTE_READWRITE] = PROT_READWRITE,
		[PROT_EXECUTE_WRITECOPY] = PROT_WRITECOPY,
	};
	if (asked == PROT_NOACCESS)
		*prot = PROT_NOACCESS;
	else if (!(asked & PROT_MODIFIER_MASK) || prot_cache_of(asked) == PROT_NOCACHE)
		*prot = plain[asked & PROT_ACCESS_MASK];
	else
		return false;
	return true;
}

bool era_prot(const struct era *era, uint32_t protect, prot_t *prot)
{
	prot_t asked;
	if (!prot_from_win32(protect, &asked))
		return false;
	if (era->plain)
		return plain_prot(asked, prot);
	*prot = asked;
	return true;
}

/* The page that a stack grows by is one that cannot be touched; the code of an image can be read. */
uint32_t era_protect(const struct era *era, prot_t prot)
{
	prot_t shown = prot;
	if (era->plain && !plain_prot(prot, &shown))
		shown = PROT_NOACCESS;
	return prot_to_win32(shown);
}

NTSTATUS era_status(const struct era *era, NTSTATUS status)
{
	bool denied = status == STATUS_ACCESS_DENIED || status == STATUS_SECTION_PROTECTION ||
	              status == STATUS_INVALID_VIEW_SIZE;
	return era->denied && denied ? era->denied : status;
}
