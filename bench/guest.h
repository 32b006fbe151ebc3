/* SPDX-License-Identifier: MIT
 *
 * A machine with one 64-bit process and one thread, which most rows work with.
 */
#ifndef BENCH_GUEST_H
#define BENCH_GUEST_H

#include <ntmm/machine.h>
#include <ntmm/thread.h>
#include <ntmm/windows.h>

#include "bench.h"

struct guest {
	ntmm_machine *machine;
	HANDLE process;
	ntmm_thread *thread;
};

void guest_begin(struct guest *guest, uint64_t ram, uint64_t paging_file);
void guest_begin_as(struct guest *guest, const ntmm_machine_config *config);
/* The process in a layout that leaves the host's own memory alone, for ntmm_thread_run. */
void guest_begin_to_run(struct guest *guest, uint64_t ram);
void guest_end(struct guest *guest);

/* Addresses of the process. guest_commit also reserves. */
uint64_t guest_reserve(const struct guest *guest, uint64_t bytes);
uint64_t guest_commit(const struct guest *guest, uint64_t bytes);
void guest_release(const struct guest *guest, uint64_t address);

/* Each touches every page of a range, and tells how long that took in all. */
double guest_store_pages(const struct guest *guest, uint64_t address, uint64_t bytes);
double guest_load_pages(const struct guest *guest, uint64_t address, uint64_t bytes);

/* Makes the host give the machine all its RAM, by using it once. */
void guest_populate(const struct guest *guest, uint64_t ram);

/* Where the machine's RAM holds the page of an address that has been touched. */
const char *guest_page(const struct guest *guest, uint64_t address);

ntmm_machine_counters guest_counters(const struct guest *guest);

static inline LPVOID address_pointer(uint64_t address)
{
	return (LPVOID)(uintptr_t)address;
}

#endif
