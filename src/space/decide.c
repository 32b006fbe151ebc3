/* SPDX-License-Identifier: MIT
 *
 * What an access means: asked by the TLB miss, Read/WriteProcessMemory, VirtualLock and copies alike.
 */
#include "space/space.h"

static bool allows(const struct space *space, prot_t prot, ntmm_access access)
{
	switch (access) {
	case NTMM_LOAD:
		return prot_can_read(prot); /* PAGE_EXECUTE too: x86 cannot tell (PR-10) */
	case NTMM_STORE:
		return prot_can_write(prot);
	case NTMM_FETCH:
		return space->nx ? prot_can_execute(prot) : prot_can_read(prot);
	}
	return false;
}

enum decision space_decide(const struct space *space, uint64_t address, ntmm_access access,
                           enum access_mode mode, prot_t *prot)
{
	if (space->ended || address > space->layout->maximum)
		return DECIDE_VIOLATION;
	attr_t attr = space_run(space, address).attr;
	if (!attr_is_committed(attr) || (attr & ATTR_OFFERED))
		return DECIDE_VIOLATION;
	prot_t p = attr_prot(attr);
	if (mode == MODE_SYSTEM) {
		*prot = p;
		return DECIDE_GO;
	}
	if (prot_is_guard(p)) /* before the access is judged: GP-4, GP-5 */
		return mode == MODE_FOREIGN ? DECIDE_VIOLATION : DECIDE_GUARD;
	if (!allows(space, p, access))
		return DECIDE_VIOLATION;
	*prot = p;
	return DECIDE_GO;
}
