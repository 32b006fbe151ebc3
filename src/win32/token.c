/* SPDX-License-Identifier: MIT
 *
 * Tokens and privileges.
 */
#include "nt/nt.h"
#include "object/token.h"
#include "win32/error.h"

#define NAME_BYTES 64 /* longer than any name there is */

BOOL OpenProcessToken(HANDLE process, DWORD access, PHANDLE token)
{
	return win32_ok(NtOpenProcessToken(process, access, token));
}

BOOL LookupPrivilegeValueA(LPCSTR system, LPCSTR name, PLUID luid)
{
	uint32_t number;
	(void)system; /* the numbers are the same everywhere */
	if (!host_pointer_ok(name) || !host_pointer_ok(luid))
		return win32_fail(ERROR_NOACCESS);
	if (privilege_find(name, &number) < 0)
		return win32_fail(ERROR_NO_SUCH_PRIVILEGE);
	*luid = (LUID){.LowPart = number};
	return TRUE;
}

/* False when the name is not one of ours in any case: too long, or not ASCII. */
static bool narrow(LPCWSTR wide, char name[static NAME_BYTES])
{
	for (size_t i = 0; i < NAME_BYTES && wide[i] < 0x80; i++) {
		name[i] = (char)wide[i];
		if (!wide[i])
			return true;
	}
	return false;
}

BOOL LookupPrivilegeValueW(LPCWSTR system, LPCWSTR name, PLUID luid)
{
	char narrowed[NAME_BYTES];
	(void)system;
	if (!host_pointer_ok(name) || !host_pointer_ok(luid))
		return win32_fail(ERROR_NOACCESS);
	if (!narrow(name, narrowed))
		return win32_fail(ERROR_NO_SUCH_PRIVILEGE);
	return LookupPrivilegeValueA(NULL, narrowed, luid);
}

/* What becomes of a privilege that is held; one removed is held no more. */
static unsigned standing_from(DWORD attributes)
{
	if (attributes & SE_PRIVILEGE_REMOVED)
		return 0;
	return PRIVILEGE_HELD | (attributes & SE_PRIVILEGE_ENABLED ? PRIVILEGE_ENABLED : 0);
}

/* What the privileges become; *missing tells whether some that were named are not held. */
static uint32_t adjusted(uint32_t privileges, const TOKEN_PRIVILEGES *state, bool *missing)
{
	*missing = false;
	for (DWORD i = 0; i < state->PrivilegeCount; i++) {
		const LUID_AND_ATTRIBUTES *row = &state->Privileges[i];
		int p = row->Luid.HighPart ? -1 : privilege_of_luid(row->Luid.LowPart);
		if (p < 0 || !(privilege_standing(privileges, p) & PRIVILEGE_HELD))
			*missing = true;
		else
			privileges = privilege_with(privileges, p, standing_from(row->Attributes));
	}
	return privileges;
}

static uint32_t all_disabled(uint32_t privileges)
{
	return privileges & PRIVILEGES_ALL_HELD;
}

static DWORD bytes_for(DWORD count)
{
	return offsetof(TOKEN_PRIVILEGES, Privileges) + count * (DWORD)sizeof(LUID_AND_ATTRIBUTES);
}

static DWORD count_changed(uint32_t before, uint32_t after)
{
	DWORD count = 0;
	for (unsigned p = 0; p < PRIVILEGES; p++)
		count += privilege_standing(before, p) != privilege_standing(after, p);
	return count;
}

/* Those that change, as they were. */
static void write_previous(TOKEN_PRIVILEGES *previous, uint32_t before, uint32_t after)
{
	DWORD count = 0;
	for (unsigned p = 0; p < PRIVILEGES; p++) {
		unsigned standing = privilege_standing(before, p);
		if (standing == privilege_standing(after, p))
			continue;
		previous->Privileges[count++] = (LUID_AND_ATTRIBUTES){
			.Luid.LowPart = privilege_luid(p),
			.Attributes = standing & PRIVILEGE_ENABLED ? SE_PRIVILEGE_ENABLED : 0};
	}
	previous->PrivilegeCount = count;
}

struct adjustment {
	const TOKEN_PRIVILEGES *state; /* NULL: disable all */
	TOKEN_PRIVILEGES *previous;    /* may be NULL */
	DWORD bytes, *needed;
};

static bool has_room(const struct adjustment *a, uint32_t before, uint32_t after)
{
	if (!a->previous)
		return true;
	*a->needed = bytes_for(count_changed(before, after));
	return a->bytes >= *a->needed;
}

static DWORD adjust(struct process *process, const struct adjustment *a)
{
	uint32_t before = process->privileges, after;
	bool missing = false;
	do {
		after = a->state ? adjusted(before, a->state, &missing) : all_disabled(before);
		if (!has_room(a, before, after))
			return ERROR_INSUFFICIENT_BUFFER;
	} while (!atomic_compare_exchange_weak(&process->privileges, &before, after));
	if (a->previous)
		write_previous(a->previous, before, after);
	return missing ? ERROR_NOT_ALL_ASSIGNED : ERROR_SUCCESS;
}

BOOL AdjustTokenPrivileges(HANDLE token, BOOL disable_all, PTOKEN_PRIVILEGES state, DWORD bytes,
                           PTOKEN_PRIVILEGES previous, PDWORD needed)
{
	struct process *process;
	struct adjustment adjustment = {disable_all ? NULL : state, previous, bytes, needed};
	if (!disable_all && !state)
		return win32_fail(ERROR_INVALID_PARAMETER);
	if (!disable_all && !host_pointer_ok(state))
		return win32_fail(ERROR_NOACCESS);
	if (previous && (!host_pointer_ok(previous) || !host_pointer_ok(needed)))
		return win32_fail(ERROR_NOACCESS);
	DWORD access = TOKEN_ADJUST_PRIVILEGES | (previous ? TOKEN_QUERY : 0);
	if (!win32_ok(token_reference(token, access, &process)))
		return FALSE;
	DWORD error = adjust(process, &adjustment);
	process_release(process);
	SetLastError(error); /* also of success: it tells whether all were assigned */
	return error != ERROR_INSUFFICIENT_BUFFER;
}
