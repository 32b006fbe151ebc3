/* SPDX-License-Identifier: MIT
 *
 * Tokens: a handle to a process's privileges.
 */
#ifndef NTMM_OBJECT_TOKEN_H
#define NTMM_OBJECT_TOKEN_H

#include "object/process.h"

/* A token object with a reference to its process. STATUS_NO_MEMORY. */
NTSTATUS token_open(struct process *process, uint32_t access, HANDLE *handle);

/* The process behind a token handle, with a reference. As handle_reference. */
NTSTATUS token_reference(HANDLE handle, uint32_t access, struct process **process);

/* The locally unique identifier of a privilege is Windows' well-known number. Names are compared as
 * Windows does, without regard to case. Both return an enum privilege; -1: no such privilege. */
int privilege_find(const char *name, uint32_t *luid);
int privilege_of_luid(uint32_t luid);
uint32_t privilege_luid(enum privilege privilege);

bool privilege_enabled(const struct process *process, enum privilege privilege);
bool privilege_held(const struct process *process, enum privilege privilege);

/* The standing of all privileges is one word, two bits each, so that it changes whole. */
enum { PRIVILEGE_HELD = 1, PRIVILEGE_ENABLED = 2 };
#define PRIVILEGES_ALL_HELD 0x15u

static inline unsigned privilege_standing(uint32_t privileges, enum privilege privilege)
{
	return privileges >> 2 * privilege & 3;
}

static inline uint32_t privilege_with(uint32_t privileges, enum privilege privilege,
                                      unsigned standing)
{
	return (privileges & ~(3u << 2 * privilege)) | standing << 2 * privilege;
}

#endif
