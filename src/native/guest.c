/* SPDX-License-Identifier: MIT */
#include "native/guest.h"

static _Thread_local const struct guest *current __attribute__((tls_model("initial-exec")));

void guest_set(const struct guest *guest)
{
	current = guest;
}

const struct guest *guest_at(uint64_t address)
{
	const struct guest *guest = current;
	return guest && address >= guest->start && address < guest->end ? guest : NULL;
}
